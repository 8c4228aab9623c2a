import { createLogger } from '#observability';
import {
  newTestHeartbeat,
  newTestJob,
  requireNativeRedis,
  startTestRedis,
  succeededAttempt,
  type TestRedis,
  until,
  testAppend,
} from '#testing';
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { decodeJobRecord } from '../job-record-codec.js';
import { createJobSubmitter } from '../job-submitter.js';
import type { AttemptHandler, AttemptLease, JobSubmitter, JobWorker } from '../queue.types.js';
import { connectRedis } from '../redis-connection.js';
import { redisKeys } from '../redis-keys.js';
import { AttemptAborted } from './attempt-aborted.js';
import { createJobWorker, type JobWorkerOptions } from './job-worker.js';

const logger = createLogger('test', 'silent');
/** Locks have to run out and processes to start, on a machine that may be busy. */
const RECOVERY_TIMEOUT_MS = 60_000;

const heartbeat = newTestHeartbeat();

describe('job worker', { timeout: 2 * RECOVERY_TIMEOUT_MS }, () => {
  let server: TestRedis;
  let redis: Redis;
  let submitter: JobSubmitter;
  let open: { close(): Promise<void> }[];

  beforeAll(async () => {
    server = await startTestRedis();
    redis = connectRedis(server.url, 'worker');
  });
  beforeEach(async () => {
    await redis.flushall();
    submitter = await createJobSubmitter({ redisUrl: server.url, maxQueuedJobs: 100, logger });
    open = [submitter];
  });
  afterEach(async () => {
    await Promise.all(open.map((part) => part.close()));
  });
  afterAll(async () => {
    redis.disconnect();
    await server.close();
  });

  const startWorker = async (
    handler: (worker: JobWorker, ...args: Parameters<AttemptHandler>) => Promise<void>,
    options: Pick<JobWorkerOptions, 'subscriber'> = {},
  ): Promise<JobWorker> => {
    const worker: JobWorker = await createJobWorker({
      redisUrl: server.url,
      model: 'tiny',
      variant: '6_5',
      concurrency: 4,
      handler: (lease, signal) => handler(worker, lease, signal),
      logger,
      ...options,
    });
    open.push(worker);
    await worker.start();
    return worker;
  };
  const stored = async (jobId: string) => decodeJobRecord(await redis.hgetall(redisKeys.job(jobId)));
  const statusOf = async (jobId: string) => (await stored(jobId))?.status;
  const whenStatus = (jobId: string, status: string) =>
    until(async () => (await statusOf(jobId)) === status, RECOVERY_TIMEOUT_MS);
  /** Runs until its signal aborts; then ends as its reason asks. */
  const untilAborted = async (worker: JobWorker, lease: AttemptLease, signal: AbortSignal) => {
    await worker.lifecycle.start(lease, Date.now());
    const reason = await new Promise<unknown>((resolve) => {
      signal.addEventListener('abort', () => resolve(signal.reason));
    });
    if (reason instanceof AttemptAborted && reason.kind === 'cancelled') {
      const end = succeededAttempt('par', { status: 'cancelled' });
      await worker.lifecycle.finish(lease, end);
    }
  };
  const finishAtOnce = async (worker: JobWorker, lease: AttemptLease) => {
    await worker.lifecycle.start(lease, Date.now());
    await worker.lifecycle.finish(lease, succeededAttempt('done'));
  };

  it('gives each job to its handler once, with the lease that BullMQ locked it by', async () => {
    const leases: AttemptLease[] = [];
    await startWorker(async (worker, lease) => {
      expect(await redis.get(redisKeys.bull.lock(lease, lease.jobId))).toBe(lease.lockToken);
      leases.push(lease);
      await finishAtOnce(worker, lease);
    });
    const jobs = Array.from({ length: 12 }, () => newTestJob());
    await Promise.all(jobs.map((job) => submitter.submit(job)));
    for (const { id } of jobs) await whenStatus(id, 'succeeded');
    expect(leases.map(({ jobId }) => jobId).toSorted()).toEqual(jobs.map(({ id }) => id).toSorted());
    expect(new Set(leases.map(({ attempt }) => attempt))).toEqual(new Set([1]));
  });

  it('leaves nothing of a finished job in BullMQ', async () => {
    await startWorker(finishAtOnce);
    const job = await submitter.submit(newTestJob());
    await until(async () => (await redis.exists(redisKeys.bull.job(job, job.id))) === 0);
    expect(await statusOf(job.id)).toBe('succeeded');
  });

  it('runs at most `concurrency` attempts at once', async () => {
    const worker = await startWorker(untilAborted);
    await Promise.all(Array.from({ length: 6 }, () => submitter.submit(newTestJob())));
    await until(() => worker.activeCount === 4);
    await until(async () => (await submitter.queueDepths(Date.now()))[0]?.waiting === 2);
    expect(worker.activeCount).toBe(4);
  });

  it('tries the job of a handler that throws again after a while, and in the end fails it with its text', async () => {
    const attempts: number[] = [];
    await startWorker(async (worker, lease) => {
      attempts.push(lease.attempt);
      await worker.lifecycle.start(lease, Date.now());
      const text = `${lease.attempt} `;
      await worker.lifecycle.appendTokens([
        testAppend({ lease, sequence: 1, text, tokenIds: [lease.attempt] }),
      ]);
      throw new Error('a bug in the handler');
    });
    const job = await submitter.submit(newTestJob());
    await until(async () => (await stored(job.id))?.tries === 1);
    await until(async () => (await redis.zscore(redisKeys.bull.delayed(job), job.id)) !== null);
    expect(await statusOf(job.id)).toBe('queued');
    await whenStatus(job.id, 'failed');
    expect(attempts).toEqual([1, 2, 3]);
    expect(await stored(job.id)).toMatchObject({
      failure: { code: 'internal_error' },
      choices: [{ text: '1 2 3 ' }],
    });
  });

  it('lets a job that waits for its next try be cancelled', async () => {
    await startWorker(() => Promise.reject(new Error('a bug in the handler')));
    const job = await submitter.submit(newTestJob());
    await until(async () => (await redis.zscore(redisKeys.bull.delayed(job), job.id)) !== null);
    expect((await submitter.cancel('public', job.id, Date.now())).kind).toBe('cancelled');
    expect(await redis.exists(redisKeys.bull.job(job, job.id))).toBe(0);
  });

  it('fails the job of a handler that throws before it starts the attempt', async () => {
    await startWorker(() => Promise.reject(new Error('no start')));
    const job = await submitter.submit(newTestJob());
    await whenStatus(job.id, 'failed');
    expect((await stored(job.id))?.failure?.code).toBe('internal_error');
  });

  it('stops a running job that is cancelled, and the handler keeps its partial text', async () => {
    await startWorker(untilAborted);
    const job = await submitter.submit(newTestJob());
    await whenStatus(job.id, 'running');
    expect((await submitter.cancel('public', job.id, Date.now())).kind).toBe('cancelling');
    await whenStatus(job.id, 'cancelled');
    expect((await stored(job.id))?.choices?.[0]?.text).toBe('par');
  });

  it('notices a cancellation whose message was lost', async () => {
    await startWorker(untilAborted);
    const job = await submitter.submit(newTestJob());
    await whenStatus(job.id, 'running');
    // What the cancel script writes, without its message.
    await redis.hset(redisKeys.job(job.id), 'cancelRequestedAtMs', Date.now());
    await whenStatus(job.id, 'cancelled');
    expect((await stored(job.id))?.choices?.[0]?.text).toBe('par');
  });

  it('hears of a cancellation by the next append, though no message ever arrives', async () => {
    const deaf = { listen: () => Promise.resolve(() => {}), close: () => {} };
    let appends = 0;
    await startWorker(
      async (worker, lease, signal) => {
        await worker.lifecycle.start(lease, Date.now());
        const { kind } = await submitter.cancel('public', lease.jobId, Date.now());
        expect([kind, signal.aborted]).toEqual(['cancelling', false]);
        appends += 1;
        await worker.lifecycle.appendTokens([testAppend({ lease, sequence: 1, text: 'par', tokenIds: [1] })]);
        expect(signal.reason).toMatchObject({ kind: 'cancelled' });
        await worker.lifecycle.finish(lease, succeededAttempt('par', { status: 'cancelled' }));
      },
      { subscriber: deaf },
    );
    const job = await submitter.submit(newTestJob());
    await whenStatus(job.id, 'cancelled');
    expect(appends).toBe(1);
  });

  it('never runs a job that was cancelled while it waited', async () => {
    const job = await submitter.submit(newTestJob());
    expect((await submitter.cancel('public', job.id, Date.now())).kind).toBe('cancelled');
    const seen: string[] = [];
    await startWorker(async (worker, lease) => {
      seen.push(lease.jobId);
      await finishAtOnce(worker, lease);
    });
    const next = await submitter.submit(newTestJob());
    await whenStatus(next.id, 'succeeded');
    expect(seen).toEqual([next.id]);
  });

  it('tells an attempt that has lost its job', async () => {
    const reasons: unknown[] = [];
    await startWorker(async (worker, lease, signal) => {
      await worker.lifecycle.start(lease, Date.now());
      if (lease.attempt > 1) return finishOf(worker, lease);
      signal.addEventListener('abort', () => reasons.push(signal.reason));
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    });
    const finishOf = async (worker: JobWorker, lease: AttemptLease) => {
      await worker.lifecycle.finish(lease, succeededAttempt('second'));
    };
    const job = await submitter.submit(newTestJob());
    await whenStatus(job.id, 'running');
    await redis.del(redisKeys.bull.lock(job, job.id));
    await whenStatus(job.id, 'succeeded');
    expect(reasons).toMatchObject([{ kind: 'lost' }]);
    expect(await stored(job.id)).toMatchObject({ choices: [{ text: 'second' }], attempt: 2 });
  });

  it('drains: lets active jobs finish and takes no more', async () => {
    let release = () => {};
    const gate = new Promise<void>((resolve) => (release = resolve));
    const worker = await startWorker(async (self, lease) => {
      await self.lifecycle.start(lease, Date.now());
      await gate;
      await self.lifecycle.finish(lease, succeededAttempt('done'));
    });
    const active = await submitter.submit(newTestJob());
    await whenStatus(active.id, 'running');
    const drained = worker.drain(20_000);
    const later = await submitter.submit(newTestJob());
    release();
    await drained;
    await worker.close();
    expect(await redis.llen(redisKeys.bull.active(active))).toBe(0);
    expect(await statusOf(active.id)).toBe('succeeded');
    expect(await statusOf(later.id)).toBe('queued');
  });

  it('drains in time: returns what still runs, and another worker runs it at once', async () => {
    const kinds: unknown[] = [];
    const worker = await startWorker(async (self, lease, signal) => {
      signal.addEventListener('abort', () => kinds.push(signal.reason));
      await untilAborted(self, lease, signal);
    });
    const jobs = await Promise.all([submitter.submit(newTestJob()), submitter.submit(newTestJob())]);
    for (const { id } of jobs) await whenStatus(id, 'running');
    await worker.drain(50);
    expect(kinds).toMatchObject([{ kind: 'shutdown' }, { kind: 'shutdown' }]);
    for (const { id } of jobs) expect(await statusOf(id)).toBe('queued');
    // No lock has to run out: the jobs wait again.
    expect(await submitter.queueDepths(Date.now())).toMatchObject([{ waiting: 2, active: 0 }]);

    await startWorker(finishAtOnce);
    for (const { id } of jobs) await whenStatus(id, 'succeeded');
    for (const { id } of jobs) expect((await stored(id))?.attempt).toBe(2);
  });

  it('closes although a handler ignores its signal, and refuses what that handler writes later', async () => {
    const late: string[] = [];
    const outcomes: unknown[] = [];
    let release = () => {};
    const gate = new Promise<void>((resolve) => (release = resolve));
    const other = await createJobWorker({
      redisUrl: server.url,
      model: 'other',
      variant: '6_5',
      concurrency: 1,
      handler: () => Promise.resolve(),
      logger,
      onLateWrite: (kind) => late.push(kind),
    });
    open.push(other);
    const worker = await startWorker(async (self, lease) => {
      await self.lifecycle.start(lease, Date.now());
      await gate;
      outcomes.push(await other.lifecycle.finish(lease, succeededAttempt('late')));
    });
    const job = await submitter.submit(newTestJob());
    await whenStatus(job.id, 'running');
    await worker.close();
    expect(await statusOf(job.id)).toBe('queued');
    release();
    await until(() => outcomes.length === 1);
    expect([outcomes, late]).toEqual([['lost'], ['finish']]);
  });

  it('runs jobs on the embedded server too', async () => {
    const embedded = await startTestRedis('embedded');
    const there = await createJobSubmitter({ redisUrl: embedded.url, maxQueuedJobs: 100, logger });
    const worker: JobWorker = await createJobWorker({
      redisUrl: embedded.url,
      model: 'tiny',
      variant: '6_5',
      concurrency: 4,
      handler: (lease, signal) =>
        lease.attempt === 1 ? untilAborted(worker, lease, signal) : Promise.resolve(),
      logger,
    });
    try {
      await worker.start();
      const job = await there.submit(newTestJob());
      await until(() => worker.activeCount === 1);
      await until(async () => (await there.cancel('public', job.id, Date.now())).kind === 'already-finished');
      expect(await there.cancel('public', job.id, Date.now())).toMatchObject({
        job: { status: 'cancelled', choices: [{ text: 'par' }], attempt: 1 },
      });
    } finally {
      await Promise.all([worker.close(), there.close()]);
      await embedded.close();
    }
  });

  it('says that a heartbeat was not taken and waits for no job while Redis is away', async () => {
    const kinds: unknown[] = [];
    const worker = await startWorker(async (self, lease, signal) => {
      signal.addEventListener('abort', () => kinds.push(signal.reason));
      await untilAborted(self, lease, signal);
    });
    expect(await worker.publishHeartbeat(heartbeat)).toBe(true);
    const job = await submitter.submit(newTestJob());
    await whenStatus(job.id, 'running');
    await server.kill9();
    await until(async () => !(await worker.publishHeartbeat(heartbeat)));
    await worker.withdrawHeartbeat(heartbeat.workerId);
    // Far longer than this test may take.
    await worker.drain(100 * RECOVERY_TIMEOUT_MS);
    expect(kinds).toMatchObject([{ kind: 'shutdown' }]);
    await worker.close();
    await server.restart();
  });

  it('closes in bounded time while Redis is away', async () => {
    const worker = await startWorker(untilAborted);
    const job = await submitter.submit(newTestJob());
    await whenStatus(job.id, 'running');
    await server.kill9();
    await expect(worker.close()).resolves.toBeUndefined();
    await server.restart();
  });

  it('goes on after Redis was killed and came back', async (context) => {
    requireNativeRedis(context, server);
    await startWorker(finishAtOnce);
    const before = await submitter.submit(newTestJob());
    await whenStatus(before.id, 'succeeded');
    await server.kill9();
    await server.restart();
    const after = await until(async () => submitter.submit(newTestJob()).catch(() => undefined));
    await whenStatus(after.id, 'succeeded');
    expect(await statusOf(before.id)).toBe('succeeded');
  });
});
