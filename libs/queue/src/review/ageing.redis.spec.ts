import { newTestJob, startTestRedis, succeededAttempt, type TestRedis } from '#testing';
import { Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BullQueues } from '../bull-queues.js';
import { RedisJobLifecycle } from '../job-lifecycle.js';
import { SCORE_OF_PRIORITY } from '../line-heads.js';
import type { NewJob } from '../queue.types.js';
import { connectRedis } from '../redis-connection.js';
import { BULL_PREFIX, queueNameOf, redisKeys } from '../redis-keys.js';
import { ageQueues } from './ageing.js';
import { AGEING_STEP_MS } from './plan-ageing.js';

const ref = { model: 'tiny', variant: '6_5' };
const STARTED_MS = 1_800_000_000_000;
const TURN_MS = 1_000;

describe('ageing', () => {
  let server: TestRedis;
  let redis: Redis;
  let lifecycle: RedisJobLifecycle;
  let queues: BullQueues;
  let worker: Worker;

  beforeAll(async () => {
    server = await startTestRedis();
    redis = connectRedis(server.url, 'worker');
  });
  beforeEach(async () => {
    await redis.flushall();
    lifecycle = new RedisJobLifecycle(redis);
    queues = new BullQueues(redis);
    worker = new Worker(queueNameOf(ref), undefined, {
      connection: redis,
      prefix: BULL_PREFIX,
      autorun: false,
    });
  });
  afterEach(async () => {
    await worker.close();
    await queues.close();
  });
  afterAll(async () => {
    redis.disconnect();
    await server.close();
  });

  const submit = async (priority: number, nowMs: number): Promise<NewJob> => {
    const job = newTestJob({ priority, createdAtMs: nowMs });
    await lifecycle.submit(job);
    await queues.add({ ...ref, jobId: job.id, priority, attempt: 0 });
    return job;
  };
  /** Takes the next job from BullMQ and runs it to its end. */
  const runNext = async (nowMs: number): Promise<string | undefined> => {
    const bullJob = await worker.getNextJob('token', { block: false });
    if (bullJob?.id === undefined) return undefined;
    const lease = { ...ref, jobId: bullJob.id, attempt: 1, lockToken: 'token' };
    await lifecycle.start(lease, nowMs);
    await lifecycle.finish(lease, succeededAttempt('x', { finishedAtMs: nowMs }));
    await bullJob.moveToCompleted(null, 'token', false);
    return bullJob.id;
  };
  const age = (nowMs: number) => ageQueues(redis, lifecycle, nowMs);
  const classOf = async (job: NewJob) =>
    Math.floor(Number(await redis.zscore(redisKeys.bull.prioritized(ref), job.id)) / SCORE_OF_PRIORITY);

  /** Each second one job of the first priority comes and one job runs: there is always a better one. */
  const runUnderLoad = async (turns: number, alsoAge: boolean): Promise<string[]> => {
    const ran: string[] = [];
    await submit(1, STARTED_MS);
    for (let turn = 1; turn <= turns; turn++) {
      const nowMs = STARTED_MS + turn * TURN_MS;
      await submit(1, nowMs);
      if (alsoAge) await age(nowMs);
      ran.push((await runNext(nowMs)) ?? 'none');
    }
    return ran;
  };

  it('lets a job of the last priority run under constant arrivals of the first, once it has waited for its steps', async () => {
    const low = await submit(9, STARTED_MS);
    const turnOf = (ran: string[]) => ran.indexOf(low.id) + 1;
    const dueTurn = (8 * AGEING_STEP_MS) / TURN_MS;
    const turn = turnOf(await runUnderLoad(dueTurn + 20, true));
    expect(turn).toBeGreaterThanOrEqual(dueTurn);
  });

  it('is what lets it run', async () => {
    const low = await submit(9, STARTED_MS);
    expect(await runUnderLoad(260, false)).not.toContain(low.id);
  });

  it('keeps what was asked for, and counts the job where BullMQ has it', async () => {
    const low = await submit(9, STARTED_MS);
    await submit(1, STARTED_MS + 1);
    await submit(6, STARTED_MS + 1);
    expect(await age(STARTED_MS + 3 * AGEING_STEP_MS)).toBe(1);
    expect(await classOf(low)).toBe(6);
    expect(await redis.hmget(redisKeys.job(low.id), 'priority', 'line')).toEqual(['9', '6']);
    expect(await redis.hmget(redisKeys.load(ref), 'jobs:9', 'jobs:6', 'aged:6')).toEqual(['0', '2', '1']);

    await runNext(STARTED_MS);
    await runNext(STARTED_MS);
    expect(await runNext(STARTED_MS)).toBe(low.id);
    expect(await redis.hmget(redisKeys.load(ref), 'jobs', 'jobs:6', 'aged:6')).toEqual(['0', '0', '0']);
  });

  it('delays the better class by one aged job at a time, however many stand behind it', async () => {
    for (let i = 0; i < 20; i++) await submit(9, STARTED_MS);
    const better = await submit(1, STARTED_MS + 1);
    const lateMs = STARTED_MS + 100 * AGEING_STEP_MS;
    expect(await age(lateMs)).toBe(1);
    expect(await age(lateMs)).toBe(0);
    expect(await runNext(lateMs)).toBe(better.id);
  });

  it('moves nothing in a backlog of one class', async () => {
    for (let i = 0; i < 20; i++) await submit(9, STARTED_MS + i);
    const before = await redis.dump(redisKeys.bull.prioritized(ref));
    for (let turn = 0; turn < 50; turn++) expect(await age(STARTED_MS + turn * AGEING_STEP_MS)).toBe(0);
    expect(await redis.dump(redisKeys.bull.prioritized(ref))).toEqual(before);
  });

  it('leaves a job alone that is not where the plan saw it', async () => {
    const job = await submit(9, STARTED_MS);
    const jobRef = { ...ref, jobId: job.id };
    expect(await lifecycle.age(jobRef, 8, 1, STARTED_MS)).toBe('unchanged');
    await runNext(STARTED_MS);
    expect(await lifecycle.age(jobRef, 9, 1, STARTED_MS)).toBe('unchanged');
    expect(await redis.zcard(redisKeys.bull.prioritized(ref))).toBe(0);
  });
});
