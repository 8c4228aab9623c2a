import type { UntoldAttempt } from '../job-record-codec.js';
import type { AbortKind } from './attempt-aborted.js';

/** What a job ends with when its handler threw: cancelled if that is why, else failed. Its text is what was streamed. */
export function endOfThrown(kind: AbortKind | undefined, finishedAtMs: number): UntoldAttempt {
  if (kind === 'cancelled') {
    return { status: 'cancelled', finishReason: 'cancelled', failure: null, finishedAtMs };
  }
  const failure = {
    code: 'internal_error',
    message: 'The worker failed on this job; its log says why.',
  } as const;
  return { status: 'failed', finishReason: 'error', failure, finishedAtMs };
}
