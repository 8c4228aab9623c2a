import type { AttemptLease } from '../queue.types.js';
import { AttemptAborted, type AbortKind } from './attempt-aborted.js';

export interface ActiveAttempt {
  readonly lease: AttemptLease;
  readonly abort: AbortController;
  /** Set where the job is to run again after this time. */
  retryDelayMs?: number;
}

/** The attempts a worker runs now, by job: the one place that aborts them. */
export class ActiveAttempts {
  readonly #running = new Map<string, ActiveAttempt>();
  #whenIdle: (() => void)[] = [];

  get size(): number {
    return this.#running.size;
  }

  leases(): AttemptLease[] {
    return [...this.#running.values()].map(({ lease }) => lease);
  }

  /** Runs `work` as the attempt of its job. An earlier attempt of the same job in this worker has lost it. */
  async run(lease: AttemptLease, work: (attempt: ActiveAttempt) => Promise<void>): Promise<void> {
    this.abortJob(lease.jobId, 'lost');
    const attempt: ActiveAttempt = { lease, abort: new AbortController() };
    this.#running.set(lease.jobId, attempt);
    try {
      await work(attempt);
    } finally {
      if (this.#running.get(lease.jobId) === attempt) this.#running.delete(lease.jobId);
      if (this.#running.size === 0) this.#whenIdle.splice(0).forEach((resolve) => resolve());
    }
  }

  /** Aborts whichever attempt of the job runs here. */
  abortJob(jobId: string, kind: AbortKind): void {
    this.#running.get(jobId)?.abort.abort(new AttemptAborted(kind));
  }

  /** Aborts this attempt, and no newer one of the same job. */
  abort(lease: AttemptLease, kind: AbortKind): void {
    this.#find(lease)?.abort.abort(new AttemptAborted(kind));
  }

  /** Notes that the job of this attempt is to run again after a while. */
  retryAfter(lease: AttemptLease, delayMs: number): void {
    const attempt = this.#find(lease);
    if (attempt !== undefined) attempt.retryDelayMs = delayMs;
  }

  #find({ jobId, attempt }: AttemptLease): ActiveAttempt | undefined {
    const running = this.#running.get(jobId);
    return running?.lease.attempt === attempt ? running : undefined;
  }

  /** Resolves with true once nothing runs, with false after `timeoutMs`. */
  async idle(timeoutMs: number): Promise<boolean> {
    if (this.#running.size === 0) return true;
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), timeoutMs);
      this.#whenIdle.push(() => {
        clearTimeout(timer);
        resolve(true);
      });
    });
  }
}
