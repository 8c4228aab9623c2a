import { isFinalJobStatus, type JobStatus } from '#contracts';
import type { Logger } from '#observability';
import type { Redis } from 'ioredis';
import type { AttemptLease } from '../queue.types.js';
import { redisKeys } from '../redis-keys.js';
import type { RedisSubscriber } from '../redis-subscriber.js';
import { storedValue } from '../stored-value.js';
import type { AbortKind } from './attempt-aborted.js';
import type { ActiveAttempts } from './active-attempts.js';

const POLL_MS = 500;

/** Hears cancellations by pub/sub, at once, and by looking at the active jobs, because a message can be lost. */
export class CancellationWatch {
  #timer: NodeJS.Timeout | undefined;
  #stopListening: (() => void) | undefined;
  #closed = false;

  constructor(
    private readonly redis: Redis,
    private readonly subscriber: RedisSubscriber,
    private readonly attempts: ActiveAttempts,
    private readonly logger: Logger,
  ) {}

  async start(): Promise<void> {
    this.#stopListening = await this.subscriber.listen(redisKeys.cancellations, (jobId) => {
      this.attempts.abortJob(jobId, 'cancelled');
    });
    this.#schedule();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#stopListening?.();
  }

  #schedule(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      void this.#poll()
        .catch((error: unknown) => this.logger.warn({ err: error }, 'Looking for cancellations failed'))
        .finally(() => this.#schedule());
    }, POLL_MS);
  }

  async #poll(): Promise<void> {
    const leases = this.attempts.leases();
    if (leases.length === 0) return;
    const pipeline = this.redis.pipeline();
    for (const { jobId } of leases)
      pipeline.hmget(redisKeys.job(jobId), 'status', 'attempt', 'cancelRequestedAtMs');
    const replies = (await pipeline.exec()) ?? [];
    leases.forEach((lease, i) => {
      const fields = storedValue<(string | null)[] | undefined>(replies[i]?.[1]);
      const kind = fields && abortKindOf(lease, fields);
      if (kind !== undefined) this.attempts.abort(lease, kind);
    });
  }
}

function abortKindOf(lease: AttemptLease, fields: readonly (string | null)[]): AbortKind | undefined {
  const [status, attempt, cancelRequestedAtMs] = fields;
  // Before its start the attempt's number is not in the record yet; a finished one is about to return.
  if (status == null || isFinalJobStatus(storedValue<JobStatus>(status))) return undefined;
  if (Number(attempt) > lease.attempt) return 'lost';
  return cancelRequestedAtMs == null ? undefined : 'cancelled';
}
