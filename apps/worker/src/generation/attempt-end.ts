import {
  EngineClosedError,
  EngineStepError,
  InvalidGenerationRequestError,
  type GenerationResult,
} from '#engine';
import type { EngineFault, JobFailure } from '#contracts';
import type { StopCause } from './attempt-signals.js';

/** What the engine failed of. Attempts that failed together have the same `cause`. */
export interface AttemptFault {
  readonly reason: EngineFault;
  readonly message: string;
  readonly cause: unknown;
}

/** How one attempt at a job ended. `results` are of all the job's texts, by index. */
export type AttemptEnd =
  | { readonly kind: 'completed'; readonly results: readonly GenerationResult[] }
  /** Stopped on purpose while it ran; the texts so far are kept. */
  | {
      readonly kind: 'cut';
      readonly cause: 'cancelled' | 'deadline';
      readonly results: readonly GenerationResult[];
    }
  /** The job can never run: its input is at fault. */
  | { readonly kind: 'refused'; readonly failure: JobFailure }
  /** The engine failed it. What was published before is kept. */
  | { readonly kind: 'broken'; readonly fault: AttemptFault; readonly results: readonly GenerationResult[] }
  /** Not ours to end: another worker has the job, or will have it. */
  | { readonly kind: 'handed-over'; readonly cause: 'lost' | 'shutdown' };

/**
 * How the attempt ended, given the engine's results and what had stopped it. One that is handed over ends nothing, not
 * even with complete texts: some of it may not have reached the stream, and the next attempt goes on from there. Any
 * other complete texts count, whatever came after.
 */
export function endOf(results: readonly GenerationResult[], stopCause: StopCause | undefined): AttemptEnd {
  if (stopCause === 'lost' || stopCause === 'shutdown') return { kind: 'handed-over', cause: stopCause };
  if (results.every(({ finish }) => finish !== 'aborted')) return { kind: 'completed', results };
  switch (stopCause) {
    case 'cancelled':
    case 'deadline':
      return { kind: 'cut', cause: stopCause, results };
    case undefined:
      // The engine itself was closed under a running attempt.
      return { kind: 'handed-over', cause: 'shutdown' };
    default:
      return stopCause satisfies never;
  }
}

/**
 * How the attempt ended where the engine gave no result for a text.
 * @param published all texts as far as clients have them.
 */
export function endOfError(
  error: unknown,
  published: readonly GenerationResult[],
  stopCause: StopCause | undefined,
): AttemptEnd {
  if (stopCause === 'lost' || stopCause === 'shutdown') return { kind: 'handed-over', cause: stopCause };
  if (error instanceof EngineClosedError) return { kind: 'handed-over', cause: 'shutdown' };
  return error instanceof InvalidGenerationRequestError
    ? { kind: 'refused', failure: { code: 'invalid_input', message: error.message } }
    : { kind: 'broken', fault: faultOf(error), results: published };
}

function faultOf(error: unknown): AttemptFault {
  const message = error instanceof Error ? error.message : String(error);
  return error instanceof EngineStepError
    ? { reason: error.fault, message, cause: error.cause }
    : { reason: 'step_failed', message, cause: error };
}
