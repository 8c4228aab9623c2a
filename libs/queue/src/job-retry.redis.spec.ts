import { createLogger } from '#observability';
import { newTestJob, startTestRedis, succeededAttempt, until, type TestRedis } from '#testing';
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { isDoneEventId } from './event-ids.js';
import { createJobSubmitter } from './job-submitter.js';
import { PlayedQueue, refOf } from './played-queue.fixture.js';
import type { AttemptLease, JobSubmitter, JobWorker, NewJob } from './queue.types.js';
import { connectRedis } from './redis-connection.js';
import { redisKeys } from './redis-keys.js';
import { createJobWorker } from './worker/job-worker.js';

const logger = createLogger('test', 'silent');
const WEBHOOK = { url: 'https://a.example' };

describe("a client's retry", () => {
  let server: TestRedis;
  let redis: Redis;
  let queue: PlayedQueue;
  let submitter: JobSubmitter;

  beforeAll(async () => {
    server = await startTestRedis();
    redis = connectRedis(server.url, 'worker');
  });
  beforeEach(async () => {
    await redis.flushall();
    queue = new PlayedQueue(redis);
    submitter = await createJobSubmitter({ redisUrl: server.url, maxQueuedJobs: 100, logger });
  });
  afterEach(() => submitter.close());
  afterAll(async () => {
    redis.disconnect();
    await server.close();
  });

  const retry = (job: NewJob) => submitter.retry(job.tenant, job.id, Date.now());
  const submit = async (overrides: Partial<NewJob> = {}) => {
    const job = newTestJob(overrides);
    await submitter.submit(job);
    return job;
  };
  /** Runs the job to a failure of its caller's making, with some text. */
  const fail = async (job: NewJob, attempt = 1): Promise<AttemptLease> => {
    const lease = await queue.run(job, attempt);
    await queue.say(lease, 1, 'old');
    const failure = { code: 'invalid_input', message: 'No.' } as const;
    await queue.lifecycle.finish(lease, succeededAttempt('old', { status: 'failed', failure }));
    await queue.loseLock(job);
    return lease;
  };
  const inBullMq = async (job: NewJob) => {
    const data = await redis.hget(redisKeys.bull.job(job, job.id), 'data');
    const waits = (await redis.zscore(redisKeys.bull.prioritized(job), job.id)) !== null;
    return waits ? data : null;
  };

  it('runs a job again from its prompt, under its id, as if new', async () => {
    const job = await submit({ startByMs: Date.now() + 60_000 });
    await fail(job);
    const outcome = await retry(job);
    expect(outcome).toMatchObject({
      kind: 'queued',
      job: {
        id: job.id,
        status: 'queued',
        input: job.input,
        attempt: 1,
        retries: 1,
        tries: 0,
        choices: null,
        usage: null,
        timings: null,
        failure: null,
        startByMs: null,
        startedAtMs: null,
        finishedAtMs: null,
      },
    });
    expect(await redis.pttl(redisKeys.job(job.id))).toBe(-1);
    expect(await inBullMq(job)).toBe('{"attemptsBefore":1}');
    expect(await queue.start(job, 2)).toMatchObject({
      generated: [],
      suspect: false,
    });
  });

  it('goes on with the event ids of the runs before, so that their readers can follow', async () => {
    const job = await submit();
    await fail(job, 1);
    const first = (await queue.events(job)).at(-1)?.split(' ')[0] ?? '';
    await retry(job);
    await queue.lifecycle.cancel(job.tenant, refOf(job), Date.now());
    await retry(job);
    await fail(job, 2);
    const after = await redis.xrange(redisKeys.events(job.id), `(${first}`, '+');
    expect(after.map(([, fields]) => `${fields[1]} ${fields[3]}`)).toEqual([
      'status queued',
      'status running',
      'token old',
      'done failed',
    ]);
    expect(after.filter(([id]) => isDoneEventId(id))).toHaveLength(1);
  });

  it('tells each run by webhook, and counts it', async () => {
    const job = await submit({ webhook: WEBHOOK });
    await fail(job);
    await retry(job);
    await queue.lifecycle.finish(await queue.run(job, 2), succeededAttempt('new'));
    expect(await redis.lrange(redisKeys.webhookOutbox, 0, '-1')).toEqual([
      `${job.id} job.succeeded 1`,
      `${job.id} job.failed 0`,
    ]);
    expect(await submitter.finishedJobs()).toMatchObject([
      { status: 'failed', count: 1 },
      { status: 'succeeded', count: 1 },
    ]);
  });

  it('is refused while a job is open, and for ever once it has succeeded', async () => {
    const job = await submit();
    expect(await retry(job)).toMatchObject({ kind: 'not-finished', job: { status: 'queued' } });
    const lease = await queue.run(job);
    expect(await retry(job)).toMatchObject({ kind: 'not-finished', job: { status: 'running' } });
    await queue.lifecycle.finish(lease, succeededAttempt('x'));
    expect(await retry(job)).toMatchObject({ kind: 'succeeded', job: { choices: [{ text: 'x' }] } });
    expect(await submitter.retry('other', job.id, 1)).toEqual({ kind: 'not-found' });
    expect(await submitter.retry(job.tenant, 'job_unknown', 1)).toEqual({ kind: 'not-found' });
  });

  it('is taken once, however many ask at once', async () => {
    const job = await submit();
    await fail(job);
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => retry(job)));
    expect(outcomes.filter(({ kind }) => kind === 'queued')).toHaveLength(1);
    expect(await queue.stored(job)).toMatchObject({ retries: 1 });
  });

  it('shuts out the attempts of the run before', async () => {
    const job = await submit();
    const old = await fail(job);
    await retry(job);
    expect(await queue.say(old, 2, 'late')).toBe('lost');
    expect(await queue.lifecycle.finish(old, succeededAttempt('late'))).toBe('lost');
    expect(await queue.stored(job)).toMatchObject({ status: 'queued', choices: null });
  });

  it('takes a quarantined job from the dead letters, its deaths forgiven', async () => {
    const job = await submit();
    await queue.run(job);
    const death = {
      workerId: 'w',
      atMs: 1,
      signal: null,
      exitCode: 1,
      memoryBytes: 1,
      lastStep: null,
      jobsInStep: 1,
    };
    await queue.lifecycle.noteDeath(job, { jobId: job.id, attempt: 1 }, death);
    await queue.run(job, 2);
    await queue.lifecycle.noteDeath(job, { jobId: job.id, attempt: 2 }, death);
    await queue.lifecycle.requeue(refOf(job), Date.now());
    expect(await redis.zcard(redisKeys.deadLetters(job.tenant))).toBe(1);
    expect(await retry(job)).toMatchObject({ kind: 'queued', job: { deaths: [] } });
    expect(await redis.zcard(redisKeys.deadLetters(job.tenant))).toBe(0);
    expect(await queue.start(job, 3)).toMatchObject({ kind: 'started', suspect: false });
  });

  it('that died before BullMQ heard of it is mended by the review', async () => {
    const job = await submit();
    await fail(job);
    await redis.zrem(redisKeys.bull.prioritized(job), job.id);
    await redis.del(redisKeys.bull.job(job, job.id));
    await queue.lifecycle.retry(job.tenant, refOf(job), Date.now());
    expect(await until(async () => (await inBullMq(job)) ?? undefined)).toBe('{"attemptsBefore":1}');
  });

  it('runs on a real worker, time and again', async () => {
    const attempts: number[] = [];
    const worker: JobWorker = await createJobWorker({
      redisUrl: server.url,
      model: 'tiny',
      variant: '6_5',
      concurrency: 1,
      logger,
      async handler(lease) {
        const start = await worker.lifecycle.start(lease, Date.now());
        if (start.kind !== 'started') return;
        attempts.push(lease.attempt);
        const failure = { code: 'invalid_input', message: 'No.' } as const;
        const end = start.job.retries < 3 ? ({ status: 'failed', failure } as const) : {};
        await worker.lifecycle.finish(lease, succeededAttempt('x', end));
      },
    });
    try {
      await worker.start();
      const job = await submit();
      for (let run = 1; run <= 3; run++) {
        await until(async () => (await retry(job)).kind === 'queued');
      }
      await until(async () => (await queue.stored(job))?.status === 'succeeded');
      expect(attempts).toEqual([1, 2, 3, 4]);
    } finally {
      await worker.close();
    }
  });
});
