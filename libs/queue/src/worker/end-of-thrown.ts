import type { FinishedAttempt } from '../queue.types.js';
import type { AbortKind } from './attempt-aborted.js';

/** What a job ends with when its handler threw: cancelled if that is why, else failed. Its text is not known. */
export function endOfThrown(kind: AbortKind | undefined, finishedAtMs: number): FinishedAttempt {
  const nothing = {
    text: '',
    usage: { promptTokens: 0, completionTokens: 0, cachedTokens: 0 },
    timings: { timeToFirstTokenMs: null, prefillMs: 0, decodeMs: 0 },
    finishedAtMs,
  };
  if (kind === 'cancelled') {
    return { ...nothing, status: 'cancelled', finishReason: 'cancelled', failure: null };
  }
  const failure = {
    code: 'internal_error',
    message: 'The worker failed on this job; its log says why.',
  } as const;
  return { ...nothing, status: 'failed', finishReason: 'error', failure };
}
