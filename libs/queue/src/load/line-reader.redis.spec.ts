import type { JobRecord } from '#contracts';
import { newTestHeartbeat, newTestJob, startTestRedis, succeededAttempt, type TestRedis } from '#testing';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BullQueues } from '../bull-queues.js';
import { RedisJobLifecycle } from '../job-lifecycle.js';
import { newJobRecord } from '../job-record-codec.js';
import { connectRedis } from '../redis-connection.js';
import { redisKeys } from '../redis-keys.js';
import { publishHeartbeat } from '../worker-registry.js';
import { LineReader } from './line-reader.js';

const ref = { model: 'tiny', variant: '6_5' };
/** One slot, 10 tokens a second; prompts take no time worth telling. */
const worker = newTestHeartbeat({ ...ref, decodeTokensPerSecond: 10, prefillTokensPerSecond: 1e9 });

describe('the place of a job', () => {
  let server: TestRedis;
  let redis: Redis;
  let lifecycle: RedisJobLifecycle;
  let queues: BullQueues;
  const nowMs = Date.now();

  beforeAll(async () => {
    server = await startTestRedis();
    redis = connectRedis(server.url, 'worker');
  });
  beforeEach(async () => {
    await redis.flushall();
    lifecycle = new RedisJobLifecycle(redis);
    queues = new BullQueues(redis);
  });
  afterAll(async () => {
    redis.disconnect();
    await server.close();
  });

  const submit = async (priority = 5): Promise<JobRecord> => {
    const job = newTestJob({ priority, createdAtMs: nowMs });
    await lifecycle.submit(job);
    await queues.add({ ...ref, jobId: job.id, priority, attempt: 0 });
    return newJobRecord(job);
  };
  const start = async (job: JobRecord) => {
    const lease = { ...ref, jobId: job.id, attempt: 1, lockToken: 't' };
    await redis.zrem(redisKeys.bull.prioritized(ref), job.id);
    await redis.set(redisKeys.bull.lock(ref, job.id), 't');
    await lifecycle.start(lease, nowMs);
    return lease;
  };
  /** Texts of ten tokens, one second each. */
  const learn = async () => {
    for (let i = 0; i < 3; i++) {
      await lifecycle.finish(await start(await submit()), succeededAttempt('ten tokens'));
    }
    for (const field of ['came:5', 'cameAtMs:5']) await redis.hdel(redisKeys.load(ref), field);
  };
  /** A reader keeps heartbeats for a moment, so each test asks a new one. */
  const placeOf = (job: JobRecord) => new LineReader(redis).place(job, nowMs);
  const expectedOf = async (job: JobRecord) => (await placeOf(job))?.etaS?.expected;

  it('has no estimate before there is a worker that has measured and a text that has ended', async () => {
    await start(await submit());
    const job = await submit();
    expect(await placeOf(job)).toEqual({ position: 1, etaS: null });
    await publishHeartbeat(redis, { ...worker, decodeTokensPerSecond: null });
    expect((await placeOf(job))?.etaS).toBeNull();
    await publishHeartbeat(redis, worker);
    expect((await placeOf(job))?.etaS).toBeNull();
    await learn();
    expect((await placeOf(job))?.etaS).toMatchObject({ expected: 1 });
  });

  it('tells the time by who runs and who is ahead, of better classes too', async () => {
    await publishHeartbeat(redis, worker);
    await learn();
    const next = await submit();
    expect(await expectedOf(next)).toBe(0);
    await start(await submit());
    expect(await expectedOf(next)).toBe(1);
    const second = await submit();
    expect(await expectedOf(second)).toBe(2);
    const urgent = await submit(1);
    expect(await expectedOf(urgent)).toBe(1);
    // One more is ahead, and as one came in the last half minute another one may.
    expect(await expectedOf(second)).toBeCloseTo(3 / (1 - 1 / 30));
  });

  it('counts workers that take jobs of the variant, and no others', async () => {
    await learn();
    await start(await submit());
    const job = await submit();
    await publishHeartbeat(redis, { ...worker, workerId: 'w2', status: 'draining' });
    await publishHeartbeat(redis, { ...worker, workerId: 'w3', variant: '8_0' });
    expect((await placeOf(job))?.etaS).toBeNull();
    await publishHeartbeat(redis, { ...worker, slots: 2 });
    expect(await expectedOf(job)).toBe(0);
  });

  it('is none for a job that does not wait', async () => {
    const job = await submit();
    await start(job);
    expect(await placeOf(job)).toBeUndefined();
  });
});
