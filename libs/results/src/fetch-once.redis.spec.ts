import { createLogger } from '#observability';
import {
  connectRedis,
  createJobSubmitter,
  createJobWorker,
  decodeJobRecord,
  fetchJob,
  redisKeys,
  type JobSubmitter,
  type JobWorker,
} from '#queue';
import { newTestJob, startTestRedis, succeededAttempt, type TestRedis, testAppend } from '#testing';
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createJobEventFeed } from './job-event-feed.js';
import { createJobReader } from './job-reader.js';
import type { JobEventFeed, JobReader } from './results.types.js';

const logger = createLogger('test', 'silent');
const HOUR_MS = 3_600_000;

describe.each(['auto', 'embedded'] as const)('a result that is gone once fetched (%s Redis)', (mode) => {
  let server: TestRedis;
  let redis: Redis;
  let submitter: JobSubmitter;
  let reader: JobReader;
  let feed: JobEventFeed;
  let worker: JobWorker;

  beforeAll(async () => {
    server = await startTestRedis(mode);
    redis = connectRedis(server.url, 'worker');
  });
  beforeEach(async () => {
    await redis.flushall();
    const options = { redisUrl: server.url, logger };
    submitter = await createJobSubmitter({ ...options, maxQueuedJobs: 100 });
    reader = await createJobReader(options);
    feed = await createJobEventFeed(options);
    // Only its lifecycle is used: the tests play the worker.
    const nothing = { model: 'tiny', variant: '6_5', concurrency: 1, handler: () => Promise.resolve() };
    worker = await createJobWorker({ ...options, ...nothing });
  });
  afterEach(() => Promise.all([submitter.close(), reader.close(), feed.close(), worker.close()]));
  afterAll(async () => {
    redis.disconnect();
    await server.close();
  });

  const start = async (overrides = {}) => {
    const job = newTestJob({ ttlMs: 0, ...overrides });
    await submitter.submit(job);
    const lease = { jobId: job.id, model: job.model, variant: job.variant, attempt: 1, lockToken: 't' };
    await redis.set(redisKeys.bull.lock(job, job.id), 't');
    await worker.lifecycle.start(lease, Date.now());
    return { job, lease };
  };
  const finished = async (overrides = {}) => {
    const { job, lease } = await start(overrides);
    await worker.lifecycle.appendTokens([testAppend({ lease, sequence: 1, text: 'once', tokenIds: [1] })]);
    await worker.lifecycle.finish(lease, succeededAttempt('once'));
    return job;
  };

  it('waits a day for that', async () => {
    const job = await finished();
    for (const key of [redisKeys.job(job.id), redisKeys.events(job.id)]) {
      const ttlMs = await redis.pttl(key);
      expect(ttlMs).toBeGreaterThan(23 * HOUR_MS);
      expect(ttlMs).toBeLessThanOrEqual(24 * HOUR_MS);
    }
  });

  it('goes to one of many readers, and leaves nothing behind', async () => {
    const job = await finished();
    const reads = await Promise.all(Array.from({ length: 8 }, () => reader.get(job.tenant, job.id)));
    expect(reads.filter((read) => read !== undefined)).toMatchObject([
      { status: 'succeeded', choices: [{ text: 'once' }] },
    ]);
    expect(await redis.exists(redisKeys.job(job.id), redisKeys.events(job.id))).toBe(0);
    expect((await reader.list({ tenant: job.tenant, limit: 5 })).jobs).toEqual([]);
  });

  it('goes with a wait for the end, but not with a look before the end', async () => {
    const { job, lease } = await start();
    expect(await reader.get(job.tenant, job.id)).toMatchObject({ status: 'running' });
    const waiting = reader.waitForFinal(job.tenant, job.id, 30_000);
    await worker.lifecycle.finish(lease, succeededAttempt('once'));
    expect(await waiting).toMatchObject({ choices: [{ text: 'once' }] });
    expect(await reader.get(job.tenant, job.id)).toBeUndefined();
  });

  it('ends the streams of those who come too late', async () => {
    const job = await finished();
    const types: string[] = [];
    for await (const news of feed.events(job.id, undefined, AbortSignal.timeout(30_000)))
      types.push(...news.map(({ type }) => type));
    expect(types.at(-1)).toBe('done');
    await reader.get(job.tenant, job.id);
    for await (const news of feed.events(job.id, undefined, AbortSignal.timeout(30_000)))
      types.push(...news.map(({ type }) => type));
    expect(types).toEqual(['status', 'status', 'token', 'done']);
  });

  it('is never shown by a list or a peek', async () => {
    const job = await finished();
    const kept = await finished({ ttlMs: HOUR_MS });
    const { jobs } = await reader.list({ tenant: job.tenant, limit: 5 });
    expect(jobs.map(({ id, choices }) => [id, choices?.[0]?.text ?? null])).toEqual([
      [kept.id, 'once'],
      [job.id, null],
    ]);
    expect(await reader.peek(job.tenant, job.id)).toMatchObject({ status: 'succeeded', choices: null });
    expect(await reader.get(job.tenant, job.id)).toMatchObject({ choices: [{ text: 'once' }] });
  });

  it('stays for the relay of a webhook that is due, and for nobody else', async () => {
    const job = await finished({ webhook: { url: 'https://a.example' } });
    expect(await reader.get(job.tenant, job.id)).toMatchObject({ choices: [{ text: 'once' }] });
    expect(await reader.get(job.tenant, job.id)).toBeUndefined();
    expect(await reader.peek(job.tenant, job.id)).toBeUndefined();
    expect((await reader.list({ tenant: job.tenant, limit: 5 })).jobs).toEqual([]);
    expect(await submitter.cancel(job.tenant, job.id, 1)).toEqual({ kind: 'not-found' });
    expect(await submitter.retry(job.tenant, job.id, 1)).toEqual({ kind: 'not-found' });
    expect(decodeJobRecord(await redis.hgetall(redisKeys.job(job.id)))).toMatchObject({
      choices: [{ text: 'once' }],
    });
    expect(await redis.pttl(redisKeys.job(job.id))).toBeLessThanOrEqual(60_000);
  });

  it('belongs to its tenant: another fetches nothing away', async () => {
    const job = await finished();
    expect(await fetchJob(redis, 'other', job.id, Date.now())).toBeUndefined();
    expect(await reader.get(job.tenant, job.id)).toMatchObject({ choices: [{ text: 'once' }] });
  });
});
