import { startTestRedis, succeededAttempt, type TestRedis } from '#testing';
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PlayedQueue, refOf } from './played-queue.fixture.js';
import type { AttemptLease, NewJob } from './queue.types.js';
import { connectRedis } from './redis-connection.js';
import { redisKeys } from './redis-keys.js';
import { reportWorkerDeath, type WorkerDeathReport } from './report-worker-death.js';
import { MAX_FRUITLESS_LOSSES } from './scripts/prelude/losses.lua.js';

describe.each(['auto', 'embedded'] as const)('worker deaths (%s Redis)', (mode) => {
  let server: TestRedis;
  let redis: Redis;
  let queue: PlayedQueue;

  beforeAll(async () => {
    server = await startTestRedis(mode);
    redis = connectRedis(server.url, 'worker');
  });
  beforeEach(() => {
    queue = new PlayedQueue(redis);
  });
  afterEach(() => redis.flushall());
  afterAll(async () => {
    redis.disconnect();
    await server.close();
  });

  const report = (held: readonly AttemptLease[], overrides: Partial<WorkerDeathReport> = {}) =>
    reportWorkerDeath(server.url, {
      workerId: 'w1',
      model: 'tiny',
      variant: '6_5',
      atMs: 5,
      signal: 'SIGSEGV',
      exitCode: null,
      memoryBytes: 12_345_678_901,
      lastStep: 'decode',
      blamed: true,
      jobsInStep: held.map(({ jobId }) => jobId),
      jobsHeld: held.map(({ jobId, attempt }) => ({ jobId, attempt })),
      ...overrides,
    });
  const isLocked = async (job: NewJob) => (await redis.exists(redisKeys.bull.lock(job, job.id))) === 1;
  const dieWith = async (job: NewJob, attempt: number) => {
    await report([await queue.run(job, attempt)]);
    return queue.lifecycle.requeue(refOf(job), Date.now());
  };

  it('free the locks of all jobs held, and are noted on those of the last step', async () => {
    const [inStep, waiting] = [await queue.submit(), await queue.submit()];
    const held = [await queue.run(inStep), await queue.run(waiting)];
    expect(await report(held, { jobsInStep: [inStep.id] })).toEqual([inStep.id, waiting.id]);
    expect([await isLocked(inStep), await isLocked(waiting)]).toEqual([false, false]);
    expect(await queue.stored(inStep)).toMatchObject({
      status: 'running',
      deaths: [
        {
          workerId: 'w1',
          atMs: 5,
          signal: 'SIGSEGV',
          exitCode: null,
          memoryBytes: 12_345_678_901,
          lastStep: 'decode',
          jobsInStep: 1,
        },
      ],
    });
    expect((await queue.stored(waiting))?.deaths).toEqual([]);
  });

  it('make a suspect of a job, which another death quarantines with what is known', async () => {
    const job = await queue.submit({ webhook: { url: 'https://a.example' } });
    expect(await dieWith(job, 1)).toBe('queued');
    const second = await queue.take(job, 2);
    expect(await queue.lifecycle.start(second, Date.now())).toMatchObject({ kind: 'started', suspect: true });
    await queue.say(second, 1, 'last ', 'words');
    await report([second]);
    expect(await queue.start(job, 3)).toEqual({ kind: 'skip', reason: 'already-finished' });
    const ended = await queue.stored(job);
    expect(ended).toMatchObject({
      status: 'failed',
      failure: { code: 'quarantined' },
      choices: [{ text: 'last words' }],
    });
    expect(ended?.deaths).toHaveLength(2);
    expect(await redis.zrange(redisKeys.deadLetters(job.tenant), 0, '-1')).toEqual([job.id]);
    expect(await redis.llen(redisKeys.webhookOutbox)).toBe(1);
  });

  it('from outside blame nobody, and explain the loss', async () => {
    const job = await queue.submit();
    for (let attempt = 1; attempt <= 2 * MAX_FRUITLESS_LOSSES; attempt++) {
      await report([await queue.run(job, attempt)], { blamed: false, signal: 'SIGKILL' });
      expect(await queue.lifecycle.requeue(refOf(job), Date.now())).toBe('queued');
    }
    expect((await queue.stored(job))?.deaths).toEqual([]);
  });

  it('that nobody saw are borne as long as each attempt brings new text', async () => {
    const job = await queue.submit();
    for (let attempt = 1; attempt <= 2 * MAX_FRUITLESS_LOSSES; attempt++) {
      await queue.say(await queue.run(job, attempt), 1, 'x');
      await queue.loseLock(job);
      expect(await queue.lifecycle.requeue(refOf(job), Date.now())).toBe('queued');
    }
    for (let more = 1; more < MAX_FRUITLESS_LOSSES; more++) {
      await queue.run(job, 100 + more);
      await queue.loseLock(job);
      expect(await queue.lifecycle.requeue(refOf(job), Date.now())).toBe(
        more < MAX_FRUITLESS_LOSSES - 1 ? 'queued' : 'failed',
      );
    }
    expect(await queue.stored(job)).toMatchObject({
      failure: { code: 'quarantined' },
      choices: [{ text: 'x'.repeat(2 * MAX_FRUITLESS_LOSSES) }],
    });
  });

  it('are noted once, however often they are reported', async () => {
    const job = await queue.submit();
    const lease = await queue.run(job);
    expect(await report([lease])).toEqual([job.id]);
    expect(await report([lease])).toEqual([]);
    expect((await queue.stored(job))?.deaths).toHaveLength(1);
  });

  it('mean nothing to a job that has moved on: its new holder keeps it', async () => {
    const job = await queue.submit();
    const dead = await queue.run(job, 1);
    await queue.run(job, 2);
    expect(await report([dead])).toEqual([]);
    expect(await isLocked(job)).toBe(true);

    const taken = await queue.submit();
    const lost = await queue.run(taken, 1);
    await queue.take(taken, 2);
    expect(await report([lost])).toEqual([taken.id]);
    expect(await isLocked(taken)).toBe(true);

    const ended = await queue.submit();
    const lease = await queue.run(ended);
    await queue.lifecycle.finish(lease, succeededAttempt('x'));
    expect(await report([lease])).toEqual([]);
  });

  it('free a job that had not started by the token of its worker', async () => {
    const job = await queue.submit();
    const unstarted = await queue.take(job, 1);
    await report([], { jobsHeld: [{ jobId: job.id, attempt: 1, lockToken: unstarted.lockToken }] });
    expect(await isLocked(job)).toBe(false);
  });

  it('cannot be reported while Redis is away', async () => {
    const job = await queue.submit();
    const lease = await queue.run(job);
    const gone = { model: 'tiny', variant: '6_5', workerId: 'w', atMs: 1, signal: null, exitCode: 1 };
    await expect(
      reportWorkerDeath('redis://127.0.0.1:1', {
        ...gone,
        memoryBytes: null,
        lastStep: null,
        blamed: true,
        jobsInStep: [],
        jobsHeld: [lease],
      }),
    ).rejects.toMatchObject({ code: 'queue_unavailable' });
  });
});
