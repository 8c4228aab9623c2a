/**
 * Where the chunk that starts at `startPosition` ends. Boundaries are multiples of `chunkTokens`, so they
 * follow from the length alone, never from load: the same prompt always runs through the same kernels.
 * A last chunk of one token joins the chunk before it, since a lone token takes another kernel than a prompt does.
 */
export function prefillChunkEnd(startPosition: number, prefillTokens: number, chunkTokens: number): number {
  const end = startPosition + chunkTokens;
  return prefillTokens - end <= 1 ? prefillTokens : end;
}
