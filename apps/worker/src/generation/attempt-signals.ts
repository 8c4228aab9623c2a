import { AttemptAborted } from '#queue';
import { startDeadline, type DeadlineJob } from './attempt-deadline.js';

export type StopCause = 'cancelled' | 'deadline' | 'lost' | 'shutdown';

/** What can end one attempt from outside. */
export interface AttemptSignals {
  /** Ends generation, whatever the cause. */
  readonly stop: AbortSignal;
  /** The job is another worker's, now or soon: what is unwritten stays unwritten. */
  readonly handedOver: AbortSignal;
  /** Undefined while nothing has stopped the attempt. */
  stopCause(): StopCause | undefined;
  close(): void;
}

/** @param taken the queue's signal: the job was cancelled, its lock was lost, or the worker shuts down. */
export function openAttemptSignals(job: DeadlineJob, taken: AbortSignal, nowMs: number): AttemptSignals {
  const deadline = startDeadline(job, nowMs);
  const handedOver = new AbortController();
  const takenNow = () => {
    if (causeOf(taken) !== 'cancelled') handedOver.abort(taken.reason);
  };
  taken.addEventListener('abort', takenNow, { once: true });
  if (taken.aborted) takenNow();
  const stop = AbortSignal.any([taken, deadline.signal]);
  return {
    stop,
    handedOver: handedOver.signal,
    stopCause: () => causeOf(handedOver.signal) ?? causeOf(stop),
    close: () => {
      deadline.clear();
      taken.removeEventListener('abort', takenNow);
    },
  };
}

function causeOf(signal: AbortSignal): StopCause | undefined {
  if (!signal.aborted) return undefined;
  return signal.reason instanceof AttemptAborted ? signal.reason.kind : 'deadline';
}
