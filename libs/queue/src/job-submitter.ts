import { DroverError, type JobRecord, type ModelRef } from '#contracts';
import type { Logger } from '#observability';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { RedisIdempotencyKeys } from './idempotency.js';
import { RedisJobLifecycle } from './job-lifecycle.js';
import { finishedJobs, queueDepths, queuePosition } from './queue-depths.js';
import { jobOptions, PRODUCER_OPTIONS } from './queue-options.js';
import type {
  CancelOutcome,
  FinishedJobs,
  IdempotencyKeys,
  JobSubmitter,
  NewJob,
  QueueDepth,
} from './queue.types.js';
import { connectRedis, orUnavailable, pingRedis, whenReady } from './redis-connection.js';
import { queueNameOf, redisKeys } from './redis-keys.js';
import { JobReview } from './review/job-review.js';
import { liveWorkers } from './worker-registry.js';

/** How long a start waits for Redis before it goes on without. */
const CONNECT_TIMEOUT_MS = 2_000;
const FULL_RETRY_AFTER_S = 10;

export interface JobSubmitterOptions {
  readonly redisUrl: string;
  /** Most waiting jobs of one variant. Submissions that are in flight together may pass it by their number. */
  readonly maxQueuedJobs: number;
  readonly logger: Logger;
}

/** The API's side of the queue. With Redis away it comes up all the same and answers `queue_unavailable`. */
export async function createJobSubmitter(options: JobSubmitterOptions): Promise<JobSubmitter> {
  const redis = connectRedis(options.redisUrl, 'api', options.logger);
  await whenReady(redis, CONNECT_TIMEOUT_MS);
  return new RedisJobSubmitter(redis, options);
}

class RedisJobSubmitter implements JobSubmitter {
  readonly idempotency: IdempotencyKeys;
  readonly #lifecycle: RedisJobLifecycle;
  readonly #review: JobReview;
  readonly #queues = new Map<string, Queue>();

  constructor(
    private readonly redis: Redis,
    private readonly options: JobSubmitterOptions,
  ) {
    this.idempotency = new RedisIdempotencyKeys(redis);
    this.#lifecycle = new RedisJobLifecycle(redis);
    this.#review = new JobReview(redis, this.#lifecycle, options.logger);
  }

  submit(job: NewJob): Promise<JobRecord> {
    return orUnavailable(async () => {
      const outcome = await this.#lifecycle.submit(job, this.options.maxQueuedJobs);
      if (outcome.kind === 'full') throw queueFull(job, outcome.waiting, this.options.maxQueuedJobs);
      try {
        await this.#queueOf(job).add('generate', null, jobOptions(job.id, job.priority));
      } catch (error) {
        return await this.#afterFailedAdd(job, error);
      }
      return outcome.job;
    });
  }

  cancel(tenant: string, jobId: string, nowMs: number): Promise<CancelOutcome> {
    return orUnavailable(async () => {
      const [model, variant] = await this.redis.hmget(redisKeys.job(jobId), 'model', 'variant');
      if (model == null || variant == null) return { kind: 'not-found' };
      const ref = { jobId, model, variant };
      const outcome = await this.#lifecycle.cancel(tenant, ref, nowMs);
      if (outcome.kind === 'cancelled') await this.#dropFromQueue(ref);
      return outcome;
    });
  }

  position(job: JobRecord): Promise<number | undefined> {
    return orUnavailable(() => queuePosition(this.redis, job));
  }

  liveWorkers(nowMs: number) {
    return orUnavailable(() => liveWorkers(this.redis, nowMs));
  }

  queueDepths(nowMs: number): Promise<readonly QueueDepth[]> {
    return orUnavailable(() => queueDepths(this.redis, nowMs));
  }

  finishedJobs(): Promise<readonly FinishedJobs[]> {
    return orUnavailable(() => finishedJobs(this.redis));
  }

  ping(): Promise<void> {
    return pingRedis(this.redis);
  }

  async close(): Promise<void> {
    await this.#review.close();
    await Promise.all([...this.#queues.values()].map((queue) => queue.close()));
    this.redis.disconnect();
  }

  /** BullMQ's reply may be lost though it took the job; then the record tells, and a withdrawn job is skipped. */
  async #afterFailedAdd(job: NewJob, error: unknown): Promise<JobRecord> {
    const kept = await this.#lifecycle.withdraw(job, Date.now()).catch(() => undefined);
    if (kept !== undefined) return kept;
    throw error;
  }

  /** Best effort: a job that stays is skipped by whoever starts it. */
  async #dropFromQueue(job: ModelRef & { readonly jobId: string }): Promise<void> {
    try {
      await this.#queueOf(job).remove(job.jobId);
    } catch (error) {
      this.options.logger.debug({ err: error, jobId: job.jobId }, 'Cancelled job stays in the queue');
    }
  }

  #queueOf(ref: ModelRef): Queue {
    const name = queueNameOf(ref);
    let queue = this.#queues.get(name);
    if (queue === undefined) {
      queue = new Queue(name, { ...PRODUCER_OPTIONS, connection: this.redis });
      // Its connection is ours, which logs its own outages; a failed call rejects where it was made.
      queue.on('error', () => {});
      this.#queues.set(name, queue);
    }
    return queue;
  }
}

function queueFull(job: ModelRef, waiting: number, bound: number): DroverError {
  return new DroverError(
    'queue_full',
    `${waiting} jobs wait for ${job.model}:${job.variant}, and ${bound} may (DROVER_MAX_QUEUED_JOBS); try again later.`,
    { retryAfterS: FULL_RETRY_AFTER_S },
  );
}
