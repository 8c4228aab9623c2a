/** Reason of the signal when a job has run for longer than its `timeout_s`. */
export class DeadlineExceeded extends Error {
  override readonly name = 'DeadlineExceeded';
}

/** setTimeout fires at once for delays over this (2^31 - 1 ms, 24.8 days). */
const LONGEST_TIMER_MS = 2_147_483_647;

export interface DeadlineJob {
  readonly timeoutMs: number | null;
  readonly startedAtMs: number | null;
}

export interface AttemptDeadline {
  /** Never aborts for a job without a timeout. */
  readonly signal: AbortSignal;
  clear(): void;
}

/**
 * Aborts with `DeadlineExceeded` when the job's running time is used up. Time counts from the first attempt's start:
 * a job that moved to another worker does not get its time again.
 */
export function startDeadline(job: DeadlineJob, nowMs: number): AttemptDeadline {
  const controller = new AbortController();
  if (job.timeoutMs === null) return { signal: controller.signal, clear: () => undefined };
  const expire = () => {
    controller.abort(new DeadlineExceeded(`The job ran for longer than its ${job.timeoutMs} ms.`));
  };
  const remainingMs = (job.startedAtMs ?? nowMs) + job.timeoutMs - nowMs;
  if (remainingMs <= 0) {
    expire();
    return { signal: controller.signal, clear: () => undefined };
  }
  const timer = setTimeout(expire, Math.min(remainingMs, LONGEST_TIMER_MS));
  return { signal: controller.signal, clear: () => clearTimeout(timer) };
}
