import { createLogger } from '#observability';
import { newTestJob, startTestRedis, type TestRedis } from '#testing';
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createJobSubmitter } from './job-submitter.js';
import type { JobSubmitter } from './queue.types.js';
import { connectRedis } from './redis-connection.js';
import { redisKeys } from './redis-keys.js';

const CLAIM_OVER_MS = 60_000;

describe('idempotency keys', () => {
  let server: TestRedis;
  let redis: Redis;
  let submitter: JobSubmitter;

  beforeAll(async () => {
    server = await startTestRedis();
    redis = connectRedis(server.url, 'worker');
  });
  beforeEach(async () => {
    await redis.flushall();
    const logger = createLogger('test', 'silent');
    submitter = await createJobSubmitter({ redisUrl: server.url, maxQueuedJobs: 5, logger });
  });
  afterEach(() => submitter.close());
  afterAll(async () => {
    redis.disconnect();
    await server.close();
  });

  const claim = (body: string, jobId: string, nowMs = 1_000, tenant = 'public') =>
    submitter.idempotency.claim(tenant, 'key', body, jobId, nowMs);
  const keys = () => submitter.idempotency;

  it('let one of many requests through', async () => {
    const claims = await Promise.all(Array.from({ length: 8 }, (_, i) => claim('body', `job-${i}`)));
    expect(claims.filter(({ kind }) => kind === 'claimed')).toHaveLength(1);
    expect(claims.filter(({ kind }) => kind === 'in-progress')).toHaveLength(7);
  });

  it('replay the first answer once there is one, refuse another body, and belong to their tenant', async () => {
    await claim('body', 'job-1');
    await keys().complete('public', 'key', 'job-1', 'first answer');
    const replay = { kind: 'replay', jobId: 'job-1', answer: 'first answer' };
    expect(await claim('body', 'job-2')).toEqual(replay);
    await keys().complete('public', 'key', 'job-1', 'second answer');
    expect(await claim('body', 'job-3', CLAIM_OVER_MS)).toEqual(replay);
    expect(await claim('other body', 'job-2')).toEqual({ kind: 'different-body' });
    expect(await claim('body', 'job-2', 1_000, 'other')).toEqual({ kind: 'claimed', jobId: 'job-2' });
  });

  it('refuse another body while the first request is under way', async () => {
    await claim('body', 'job-1');
    expect(await claim('other body', 'job-2')).toEqual({ kind: 'different-body' });
  });

  it('are free again after a release, which only their holder can do', async () => {
    await claim('body', 'job-1');
    await keys().release('public', 'key', 'job-2');
    expect((await claim('body', 'job-3')).kind).toBe('in-progress');
    await keys().release('public', 'key', 'job-1');
    expect(await claim('other body', 'job-3')).toEqual({ kind: 'claimed', jobId: 'job-3' });
  });

  it('of an answered request stay, whatever a late release or abandonment says', async () => {
    await claim('body', 'job-1');
    await keys().complete('public', 'key', 'job-1', 'answer');
    await keys().release('public', 'key', 'job-1');
    await keys().abandon('public', 'key', 'job-1');
    expect((await claim('body', 'job-2')).kind).toBe('replay');
  });

  it('of a request that stopped half way are taken up at once, with its job', async () => {
    await claim('body', 'job-1');
    await keys().abandon('public', 'key', 'job-2');
    expect((await claim('body', 'job-2')).kind).toBe('in-progress');
    await keys().abandon('public', 'key', 'job-1');
    expect(await claim('body', 'job-2')).toEqual({ kind: 'claimed', jobId: 'job-1' });
    expect((await claim('body', 'job-3')).kind).toBe('in-progress');
  });

  it('of a request that died make one job with the one that takes them up, whenever it died', async () => {
    const claimed = newTestJob({ variant: '8_0' });
    await claim('body', claimed.id, 1_000);
    // It died after its job was made; the next one chose another variant meanwhile.
    await submitter.submit(claimed);
    expect(await claim('body', 'job-2', CLAIM_OVER_MS)).toEqual({ kind: 'claimed', jobId: claimed.id });
    const job = await submitter.submit(newTestJob({ id: claimed.id, variant: '6_5' }));
    expect(job).toMatchObject({ id: claimed.id, variant: '8_0' });
    expect(await submitter.queueDepths(1)).toMatchObject([{ variant: '8_0', waiting: 1 }]);
    expect(await redis.exists(redisKeys.bull.job({ model: 'tiny', variant: '6_5' }, claimed.id))).toBe(0);
  });

  it('make one job though the request that was given up for dead goes on', async () => {
    const job = newTestJob();
    await claim('body', job.id, 1_000);
    const second = await claim('body', 'job-2', CLAIM_OVER_MS);
    expect(second).toEqual({ kind: 'claimed', jobId: job.id });
    await Promise.all([submitter.submit(job), submitter.submit(job)]);
    expect(await submitter.queueDepths(1)).toMatchObject([{ waiting: 1 }]);
  });

  it('are forgotten after a day', async () => {
    await claim('body', 'job-1');
    const ttlMs = await redis.pttl(redisKeys.idempotency('public', 'key'));
    expect(ttlMs).toBeGreaterThan(23 * 3_600_000);
    expect(ttlMs).toBeLessThanOrEqual(24 * 3_600_000);
  });
});
