export interface ChunkBounds {
  /** Most tokens of the chunk, 2 or more; a last lone token joins it. */
  readonly mostTokens: number;
  /** Where it does not end the prompt, a chunk ends with a whole block if it can; even. */
  readonly blockTokens: number;
}

/**
 * Tokens of the chunk that starts at `start`, an even position. Chunks end at even positions
 * or with the prompt: kernels take tokens in pairs, so that the same tokens give the same bits however they are cut.
 */
export function prefillChunkTokens(start: number, prefillTokens: number, bounds: ChunkBounds): number {
  const { mostTokens, blockTokens } = bounds;
  const left = prefillTokens - start;
  if (left <= mostTokens + 1) return left;
  const end = start + mostTokens;
  const blockEnd = end - (end % blockTokens);
  return blockEnd > start ? blockEnd - start : mostTokens - (mostTokens % 2);
}
