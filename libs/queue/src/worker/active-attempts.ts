import type { AttemptLease } from '../queue.types.js';
import { AttemptAborted, type AbortKind } from './attempt-aborted.js';

/** The attempts a worker runs now, by job: the one place that aborts them. */
export class ActiveAttempts {
  readonly #running = new Map<string, { lease: AttemptLease; abort: AbortController }>();
  #whenIdle: (() => void)[] = [];

  get size(): number {
    return this.#running.size;
  }

  leases(): AttemptLease[] {
    return [...this.#running.values()].map(({ lease }) => lease);
  }

  /** Runs `work` as the attempt of its job. An earlier attempt of the same job in this worker has lost it. */
  async run(lease: AttemptLease, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    this.abort(lease.jobId, 'lost');
    const entry = { lease, abort: new AbortController() };
    this.#running.set(lease.jobId, entry);
    try {
      await work(entry.abort.signal);
    } finally {
      if (this.#running.get(lease.jobId) === entry) this.#running.delete(lease.jobId);
      if (this.#running.size === 0) this.#whenIdle.splice(0).forEach((resolve) => resolve());
    }
  }

  abort(jobId: string, kind: AbortKind): void {
    this.#running.get(jobId)?.abort.abort(new AttemptAborted(kind));
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
