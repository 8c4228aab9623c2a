import type { AttemptLease } from '#queue';

/** Under this key the publisher and the flight record know an attempt. */
export function attemptKeyOf({ jobId, attempt }: Pick<AttemptLease, 'jobId' | 'attempt'>): string {
  return `${jobId}/${attempt}`;
}

/** Under this id the engine knows one of the texts of an attempt. */
export function sequenceIdOf(attemptKey: string, index: number): string {
  return `${attemptKey}#${index}`;
}

export function parseSequenceId(id: string): { attemptKey: string; index: number } {
  const end = id.lastIndexOf('#');
  return { attemptKey: id.slice(0, end), index: Number(id.slice(end + 1)) };
}
