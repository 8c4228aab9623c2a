import type { JobRecord, ModelRef, PlaceInLine } from '#contracts';
import type { Logger } from '#observability';
import type { Redis } from 'ioredis';
import { BullQueues, type QueuedJob } from './bull-queues.js';
import { RedisIdempotencyKeys } from './idempotency.js';
import { RedisJobLifecycle, type JobRef } from './job-lifecycle.js';
import { NO_LIMITS, refusal, type FullLine, type LineLimits } from './load/full-line.js';
import { LiveWorkers } from './live-workers.js';
import { LineReader } from './load/line-reader.js';
import type { JobSize } from './load/queue-load.js';
import { finishedJobs, queueDepths } from './queue-depths.js';
import type {
  CancelOutcome,
  FinishedJobs,
  IdempotencyKeys,
  JobSubmitter,
  NewJob,
  QueueDepth,
  RetryOutcome,
} from './queue.types.js';
import { connectRedis, orUnavailable, pingRedis, whenReady } from './redis-connection.js';
import { redisKeys } from './redis-keys.js';
import { JobReview } from './review/job-review.js';

/** How long a start waits for Redis before it goes on without. */
const CONNECT_TIMEOUT_MS = 2_000;

export interface JobSubmitterOptions {
  readonly redisUrl: string;
  /** Most waiting jobs of one variant. */
  readonly maxQueuedJobs: number;
  /** Most tokens of one variant's waiting jobs, prompts and what they may generate; without it there is no bound. */
  readonly maxQueuedTokens?: number;
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
  readonly #queues: BullQueues;
  readonly #workers: LiveWorkers;
  readonly #line: LineReader;
  readonly #limits: LineLimits;

  constructor(
    private readonly redis: Redis,
    private readonly options: JobSubmitterOptions,
  ) {
    this.idempotency = new RedisIdempotencyKeys(redis);
    this.#lifecycle = new RedisJobLifecycle(redis);
    this.#queues = new BullQueues(redis);
    this.#workers = new LiveWorkers(redis);
    this.#line = new LineReader(redis, this.#workers);
    this.#limits = { ...NO_LIMITS, ...options };
    this.#review = new JobReview(redis, this.#lifecycle, this.#queues, options.logger);
  }

  submit(job: NewJob): Promise<JobRecord> {
    return orUnavailable(async () => {
      const outcome = await this.#lifecycle.submit(job, this.#limits);
      if (outcome.kind === 'full') throw await this.#refusal(job, outcome.line, job.createdAtMs);
      try {
        // The stored job, which may be another call's: its queue and its attempts count.
        if (outcome.job.status === 'queued') await this.#queues.add({ ...outcome.job, jobId: job.id });
      } catch (error) {
        // What another call has stored is not taken back: it may be acknowledged.
        if (outcome.kind === 'known') throw error;
        return await this.#afterFailedAdd(job, error);
      }
      return outcome.job;
    });
  }

  cancel(tenant: string, jobId: string, nowMs: number): Promise<CancelOutcome> {
    return orUnavailable(async () => {
      const ref = await this.#find(jobId);
      if (ref === undefined) return { kind: 'not-found' };
      const outcome = await this.#lifecycle.cancel(tenant, ref, nowMs);
      if (outcome.kind === 'cancelled') await this.#dropFromQueue(ref);
      return outcome;
    });
  }

  retry(tenant: string, jobId: string, nowMs: number): Promise<RetryOutcome> {
    return orUnavailable(async () => {
      const ref = await this.#find(jobId);
      if (ref === undefined) return { kind: 'not-found' };
      const outcome = await this.#lifecycle.retry(tenant, ref, nowMs, this.#limits);
      if (outcome.kind === 'full') throw await this.#refusal(outcome.job, outcome.line, nowMs);
      if (outcome.kind === 'queued') await this.#enqueueAgain({ ...ref, ...outcome.job });
      return outcome;
    });
  }

  place(job: JobRecord): Promise<PlaceInLine | undefined> {
    return orUnavailable(() => this.#line.place(job, Date.now()));
  }

  liveWorkers(nowMs: number, maxAgeMs?: number) {
    return orUnavailable(() => this.#workers.read(nowMs, maxAgeMs));
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
    await this.#queues.close();
    this.redis.disconnect();
  }

  async #refusal(job: ModelRef & JobSize, line: FullLine, nowMs: number) {
    const retryAfterS = await this.#line.secondsUntilRoom(job, line, this.#limits, nowMs);
    return refusal(job, line, this.#limits, job, retryAfterS);
  }

  /** BullMQ's reply may be lost though it took the job; then the record tells, and a withdrawn job is skipped. */
  async #afterFailedAdd(job: NewJob, error: unknown): Promise<JobRecord> {
    const kept = await this.#lifecycle.withdraw(job, Date.now()).catch(() => undefined);
    if (kept !== undefined) return kept;
    throw error;
  }

  async #find(jobId: string): Promise<JobRef | undefined> {
    const [model, variant] = await this.redis.hmget(redisKeys.job(jobId), 'model', 'variant');
    return model == null || variant == null ? undefined : { jobId, model, variant };
  }

  /** Best effort: a job that stays is skipped by whoever starts it. */
  async #dropFromQueue(job: JobRef): Promise<void> {
    try {
      await this.#queues.remove(job);
    } catch (error) {
      this.options.logger.debug({ err: error, jobId: job.jobId }, 'Ended job stays in the queue');
    }
  }

  /** The record says that the job waits, so the review brings BullMQ what it does not get here. */
  async #enqueueAgain(job: QueuedJob): Promise<void> {
    await this.#dropFromQueue(job);
    try {
      await this.#queues.add(job);
    } catch (error) {
      this.options.logger.warn({ err: error, jobId: job.jobId }, 'Retried job is queued by the next review');
    }
  }
}
