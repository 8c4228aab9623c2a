import { HEARTBEAT_TTL_MS, type JobRecord } from '#contracts';
import { createLogger } from '#observability';
import {
  newTestHeartbeat,
  newTestJob,
  requireNativeRedis,
  startTestRedis,
  until,
  type TestRedis,
} from '#testing';
import { Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { newJobRecord } from './job-record-codec.js';
import { createJobSubmitter } from './job-submitter.js';
import type { JobSubmitter } from './queue.types.js';
import { connectRedis } from './redis-connection.js';
import { BULL_PREFIX, queueNameOf, redisKeys } from './redis-keys.js';
import { publishHeartbeat, withdrawHeartbeat } from './worker-registry.js';

const logger = createLogger('test', 'silent');
const unavailable = { code: 'queue_unavailable', retryAfterS: 5 };

describe('job submitter', () => {
  let server: TestRedis;
  let redis: Redis;
  let submitter: JobSubmitter;

  beforeAll(async () => {
    server = await startTestRedis();
    redis = connectRedis(server.url, 'worker');
  });
  beforeEach(async () => {
    await redis.flushall();
    submitter = await createJobSubmitter({ redisUrl: server.url, maxQueuedJobs: 5, logger });
  });
  afterEach(() => submitter.close());
  afterAll(async () => {
    redis.disconnect();
    await server.close();
  });

  const position = async (job: JobRecord) => (await submitter.place(job))?.position;

  it('hands BullMQ a pointer under the id of the job, and nothing of its input', async () => {
    const job = await submitter.submit(newTestJob());
    const hash = await redis.hgetall(redisKeys.bull.job(job, job.id));
    expect(hash).toMatchObject({ name: 'generate', data: '{"attemptsBefore":0}', priority: '5' });
  });

  it('submits a job once, however often it is asked to', async () => {
    const job = newTestJob();
    await Promise.all([submitter.submit(job), submitter.submit(job), submitter.submit(job)]);
    expect(await submitter.queueDepths(Date.now())).toMatchObject([{ waiting: 1 }]);
  });

  it('tells the place in the queue: priority first, then age, recovered jobs before all', async () => {
    const late = await submitter.submit(newTestJob({ priority: 9 }));
    const first = await submitter.submit(newTestJob({ priority: 5 }));
    const second = await submitter.submit(newTestJob({ priority: 5 }));
    const urgent = await submitter.submit(newTestJob({ priority: 1 }));
    const places = () => Promise.all([urgent, first, second, late].map(position));
    expect(await places()).toEqual([1, 2, 3, 4]);

    // Where BullMQ puts a job whose worker was lost.
    await redis.zrem(redisKeys.bull.prioritized(late), late.id);
    await redis.rpush(redisKeys.bull.wait(late), late.id);
    expect(await places()).toEqual([2, 3, 4, 1]);

    await submitter.cancel('public', first.id, Date.now());
    expect(await places()).toEqual([2, undefined, 3, 1]);
  });

  it('refuses jobs over the bound, per variant', async () => {
    for (let i = 0; i < 5; i++) await submitter.submit(newTestJob());
    await expect(submitter.submit(newTestJob())).rejects.toMatchObject({
      code: 'queue_full',
      retryAfterS: 10,
    });
    await expect(submitter.submit(newTestJob({ variant: '8_0' }))).resolves.toMatchObject({
      status: 'queued',
    });
    expect(await redis.zcard(redisKeys.tenantJobs('public'))).toBe(6);
  });

  it('reports depth and the age of the oldest waiting job of every queue', async () => {
    const nowMs = Date.now();
    await submitter.submit(newTestJob({ createdAtMs: nowMs - 5_000, priority: 9 }));
    await submitter.submit(newTestJob({ createdAtMs: nowMs - 1_000, priority: 1 }));
    await submitter.submit(newTestJob({ createdAtMs: nowMs - 2_000, variant: '8_0' }));
    expect(await submitter.queueDepths(nowMs)).toEqual([
      { model: 'tiny', variant: '6_5', waiting: 2, waitingTokens: 38, active: 0, oldestWaitingMs: 5_000 },
      { model: 'tiny', variant: '8_0', waiting: 1, waitingTokens: 19, active: 0, oldestWaitingMs: 2_000 },
    ]);
  });

  it('takes a cancelled job out of the queue, and answers a second cancel by what it is', async () => {
    const job = await submitter.submit(newTestJob());
    expect(await submitter.cancel('public', job.id, 1)).toMatchObject({ kind: 'cancelled' });
    expect(await redis.exists(redisKeys.bull.job(job, job.id))).toBe(0);
    expect(await submitter.cancel('public', job.id, 2)).toMatchObject({ kind: 'already-finished' });
    expect(await submitter.cancel('other', job.id, 2)).toEqual({ kind: 'not-found' });
    expect(await submitter.cancel('public', 'job_unknown', 2)).toEqual({ kind: 'not-found' });
  });

  it('reads the lock of BullMQ where BullMQ writes it', async () => {
    const job = await submitter.submit(newTestJob());
    const seen: (string | null)[] = [];
    const worker = new Worker(
      queueNameOf(job),
      async (bullJob, token) => {
        seen.push(token ?? '', await redis.get(redisKeys.bull.lock(job, bullJob.id ?? '')));
      },
      { connection: redis, prefix: BULL_PREFIX },
    );
    await until(() => seen.length === 2);
    await worker.close();
    expect(seen[0]).toBeTruthy();
    expect(seen[1]).toBe(seen[0]);
  });

  it('keeps no job that BullMQ did not take', async () => {
    const job = newTestJob();
    // A key of the wrong type makes BullMQ's script fail after ours has stored the record.
    await redis.set(`${BULL_PREFIX}:${queueNameOf(job)}:pc`, 'not a number');
    await expect(submitter.submit(job)).rejects.toThrow('not an integer');
    expect(await redis.exists(redisKeys.job(job.id), redisKeys.events(job.id), redisKeys.watch)).toBe(0);
  });

  describe('without Redis', () => {
    const calls = (job = newTestJob()): Record<string, () => Promise<unknown>> => ({
      submit: () => submitter.submit(job),
      cancel: () => submitter.cancel('public', job.id, 1),
      place: () => submitter.place(newJobRecord(job)),
      liveWorkers: () => submitter.liveWorkers(1),
      queueDepths: () => submitter.queueDepths(1),
      claim: () => submitter.idempotency.claim('public', 'k', 'b', job.id, 1),
      ping: () => submitter.ping(),
    });

    it('rejects every call as unavailable, and works again once Redis is back', async (context) => {
      requireNativeRedis(context, server);
      const kept = await submitter.submit(newTestJob());
      await server.kill9();
      for (const call of Object.values(calls())) await expect(call()).rejects.toMatchObject(unavailable);
      await server.restart();
      await until(() =>
        submitter.ping().then(
          () => true,
          () => false,
        ),
      );
      const job = await submitter.submit(newTestJob());
      expect(await position(kept)).toBe(1);
      expect(await position(job)).toBe(2);
    });

    it('rejects every call in bounded time while Redis hangs', async () => {
      await submitter.submit(newTestJob());
      server.pause();
      try {
        const outcomes = await Promise.allSettled(Object.values(calls()).map((call) => call()));
        for (const outcome of outcomes) {
          expect(outcome).toMatchObject({ status: 'rejected', reason: unavailable });
        }
      } finally {
        server.resume();
      }
    });

    it('comes up without it', async () => {
      const lonely = await createJobSubmitter({ redisUrl: 'redis://127.0.0.1:1', maxQueuedJobs: 5, logger });
      await expect(lonely.submit(newTestJob())).rejects.toMatchObject(unavailable);
      await lonely.close();
    });
  });

  describe('live workers', () => {
    const beat = (workerId: string, lastSeenMs = Date.now()) => newTestHeartbeat({ workerId, lastSeenMs });
    const ids = async () =>
      (await submitter.liveWorkers(Date.now())).map(({ workerId }) => workerId).toSorted();

    it('are those that beat and have not withdrawn or fallen silent', async () => {
      await publishHeartbeat(redis, beat('a'));
      await publishHeartbeat(redis, beat('b'));
      await publishHeartbeat(redis, beat('silent'));
      expect(await ids()).toEqual(['a', 'b', 'silent']);
      await withdrawHeartbeat(redis, 'a');
      await redis.pexpire(redisKeys.worker('silent'), '1');
      await until(async () => (await ids()).length === 1);
      expect(await ids()).toEqual(['b']);
    });

    it('leave the index when they have been silent for long', async () => {
      await publishHeartbeat(redis, beat('old', Date.now() - 11 * HEARTBEAT_TTL_MS));
      await publishHeartbeat(redis, beat('new'));
      expect(await redis.zrange(redisKeys.workers, 0, '-1')).toEqual(['new']);
    });
  });
});
