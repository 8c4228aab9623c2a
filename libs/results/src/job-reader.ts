import { isFinalJobStatus, type JobRecord, type JobStatus } from '#contracts';
import {
  connectRedis,
  createRedisSubscriber,
  fetchJob,
  isDoneEventId,
  orUnavailable,
  redisKeys,
  storedValue,
  visibleJob,
  whenReady,
  withheld,
} from '#queue';
import type { RedisSubscriber } from '#queue';
import type { Redis } from 'ioredis';
import type { ResultsOptions } from './job-event-feed.js';
import { countDeadLetters, listDeadLetters } from './list-dead-letters.js';
import { listJobs } from './list-jobs.js';
import type { DeadLettersQuery, JobPage, JobReader, ListJobsQuery } from './results.types.js';
import { WakeUp } from './wake-up.js';

/** The end of a job is announced; should that be lost, the job is looked at this often. */
const RECHECK_MS = 1_000;
const CONNECT_TIMEOUT_MS = 2_000;

export async function createJobReader(options: ResultsOptions): Promise<JobReader> {
  const redis = connectRedis(options.redisUrl, 'api', options.logger);
  const subscriber = options.subscriber ?? createRedisSubscriber(options.redisUrl);
  await whenReady(redis, CONNECT_TIMEOUT_MS);
  return new RedisJobReader(redis, subscriber, options.subscriber === undefined);
}

class RedisJobReader implements JobReader {
  constructor(
    private readonly redis: Redis,
    private readonly subscriber: RedisSubscriber,
    private readonly ownsSubscriber: boolean,
  ) {}

  async get(tenant: string, jobId: string): Promise<JobRecord | undefined> {
    return orUnavailable(() => fetchJob(this.redis, tenant, jobId, Date.now()));
  }

  async peek(tenant: string, jobId: string): Promise<JobRecord | undefined> {
    const hash = await orUnavailable(() => this.redis.hgetall(redisKeys.job(jobId)));
    const job = visibleJob(tenant, hash);
    return job && withheld(job);
  }

  list(query: ListJobsQuery): Promise<JobPage> {
    return orUnavailable(() => listJobs(this.redis, query));
  }

  deadLetters(query: DeadLettersQuery): Promise<JobPage> {
    return orUnavailable(() => listDeadLetters(this.redis, query));
  }

  countDeadLetters(tenants: readonly string[]): Promise<number> {
    return orUnavailable(() => countDeadLetters(this.redis, tenants));
  }

  async waitForFinal(
    tenant: string,
    jobId: string,
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<JobRecord | undefined> {
    const deadlineMs = performance.now() + timeoutMs;
    const wakeUp = new WakeUp();
    const stopListening = await orUnavailable(() =>
      this.subscriber.listen(redisKeys.events(jobId), (eventId) => {
        if (isDoneEventId(eventId)) wakeUp.ring();
      }),
    );
    try {
      while (!(await this.#hasEnded(jobId))) {
        const leftMs = deadlineMs - performance.now();
        if (leftMs <= 0 || signal?.aborted === true) break;
        await wakeUp.wait(Math.min(leftMs, RECHECK_MS), signal);
      }
    } finally {
      stopListening();
    }
    return this.get(tenant, jobId);
  }

  async close(): Promise<void> {
    if (this.ownsSubscriber) this.subscriber.close();
    this.redis.disconnect();
    await Promise.resolve();
  }

  /** A job that is gone ends the wait as well. */
  async #hasEnded(jobId: string): Promise<boolean> {
    const status = await orUnavailable(() => this.redis.hget(redisKeys.job(jobId), 'status'));
    return status === null || isFinalJobStatus(storedValue<JobStatus>(status));
  }
}
