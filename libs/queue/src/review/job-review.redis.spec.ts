import { createLogger } from '#observability';
import { newTestJob, startTestRedis, succeededAttempt, type TestRedis } from '#testing';
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BullQueues } from '../bull-queues.js';
import { RedisJobLifecycle } from '../job-lifecycle.js';
import type { NewJob } from '../queue.types.js';
import { connectRedis } from '../redis-connection.js';
import { redisKeys } from '../redis-keys.js';
import { JobReview } from './job-review.js';

const MINUTE_MS = 60_000;

describe('job review', () => {
  let server: TestRedis;
  let redis: Redis;
  let lifecycle: RedisJobLifecycle;
  let queues: BullQueues;
  let review: JobReview;

  beforeAll(async () => {
    server = await startTestRedis();
    redis = connectRedis(server.url, 'worker');
  });
  beforeEach(async () => {
    await redis.flushall();
    lifecycle = new RedisJobLifecycle(redis);
    queues = new BullQueues(redis);
    review = new JobReview(redis, lifecycle, queues, createLogger('test', 'silent'));
  });
  afterEach(() => Promise.all([review.close(), queues.close()]));
  afterAll(async () => {
    redis.disconnect();
    await server.close();
  });

  /** A record, with the job that BullMQ has for it. */
  const submit = async (overrides: Partial<NewJob> = {}) => {
    const job = newTestJob(overrides);
    await lifecycle.submit(job);
    await redis.hset(redisKeys.bull.job(job, job.id), 'name', 'generate');
    return job;
  };
  const run = async (job: NewJob) => {
    const lease = { jobId: job.id, model: job.model, variant: job.variant, attempt: 1, lockToken: 't' };
    await redis.set(redisKeys.bull.lock(job, job.id), 't');
    await lifecycle.start(lease, job.createdAtMs);
    return lease;
  };
  const loseWorker = (job: NewJob) => redis.del(redisKeys.bull.lock(job, job.id));
  const statusOf = (job: NewJob) => redis.hget(redisKeys.job(job.id), 'status');

  it('leaves waiting jobs and held jobs alone, and looks again later', async () => {
    const waiting = await submit();
    const held = await submit();
    await run(held);
    const nowMs = waiting.createdAtMs + MINUTE_MS;
    await review.review(nowMs);
    expect([await statusOf(waiting), await statusOf(held)]).toEqual(['queued', 'running']);
    expect(await redis.zcount(redisKeys.watch, 0, nowMs)).toBe(0);
    expect(await redis.zcard(redisKeys.watch)).toBe(2);
  });

  it('looks at no job before its time', async () => {
    const job = await submit();
    await redis.del(redisKeys.bull.job(job, job.id));
    await review.review(job.createdAtMs + 1_000);
    expect(await statusOf(job)).toBe('queued');
  });

  it('gives BullMQ a job whose submitter died before it had', async () => {
    const job = await submit();
    await redis.del(redisKeys.bull.job(job, job.id));
    await review.review(job.createdAtMs + MINUTE_MS);
    expect(await statusOf(job)).toBe('queued');
    expect(await redis.zscore(redisKeys.bull.prioritized(job), job.id)).not.toBeNull();
  });

  it('requeues a job whose worker is gone, when no worker is left to notice', async () => {
    const job = await submit();
    await run(job);
    await loseWorker(job);
    await review.review(job.createdAtMs + MINUTE_MS);
    expect(await statusOf(job)).toBe('queued');
  });

  it('ends a job that was to be cancelled when its worker died', async () => {
    const job = await submit();
    const lease = await run(job);
    await lifecycle.cancel('public', lease, job.createdAtMs);
    await loseWorker(job);
    await review.review(job.createdAtMs + MINUTE_MS);
    expect(await statusOf(job)).toBe('cancelled');
  });

  it('expires a job right after its start time though no worker lives', async () => {
    const createdAtMs = Date.now();
    const job = await submit({ createdAtMs, startByMs: createdAtMs + 2_000 });
    await review.review(createdAtMs + 2_000);
    expect(await statusOf(job)).toBe('queued');
    await review.review(createdAtMs + 2_001);
    expect(await statusOf(job)).toBe('expired');
  });

  it('does not let a job whose time is up wait behind a thousand that only wait', async () => {
    const createdAtMs = Date.now();
    const others = await Promise.all(Array.from({ length: 1_000 }, () => submit({ createdAtMs })));
    const due = await submit({ createdAtMs, startByMs: createdAtMs + MINUTE_MS });
    await review.review(createdAtMs + MINUTE_MS + 1, Infinity);
    expect(await statusOf(due)).toBe('expired');
    expect(await Promise.all(others.map(statusOf))).toEqual(others.map(() => 'queued'));
  });

  it('forgets an expired job: nothing of it is left', async () => {
    const job = await submit({ ttlMs: 1 });
    await lifecycle.finish(await run(job), succeededAttempt('x'));
    await loseWorker(job);
    await redis.del(redisKeys.bull.job(job, job.id));
    await new Promise((resolve) => setTimeout(resolve, 20));
    await review.review(Date.now() + MINUTE_MS);
    expect(await redis.zcard(redisKeys.tenantJobs(job.tenant))).toBe(0);
    expect(await redis.zcard(redisKeys.watch)).toBe(0);
    expect(await redis.exists(redisKeys.job(job.id), redisKeys.events(job.id))).toBe(0);
  });
});
