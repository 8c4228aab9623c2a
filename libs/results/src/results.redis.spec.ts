import { createLogger } from '#observability';
import {
  connectRedis,
  createJobSubmitter,
  createJobWorker,
  createRedisSubscriber,
  newJobId,
  redisKeys,
  type AttemptLease,
  type JobSubmitter,
  type JobWorker,
  type RedisSubscriber,
} from '#queue';
import { newTestJob, startTestRedis, succeededAttempt, until, type TestRedis, testAppend } from '#testing';
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createJobEventFeed } from './job-event-feed.js';
import { createJobReader } from './job-reader.js';
import type { JobEventFeed, JobReader, StoredJobEvent } from './results.types.js';

const logger = createLogger('test', 'silent');

describe.each(['auto', 'embedded'] as const)('results (%s Redis)', (mode) => {
  let server: TestRedis;
  let redis: Redis;
  let submitter: JobSubmitter;
  let worker: JobWorker;
  let subscriber: RedisSubscriber;
  let reader: JobReader;
  let feed: JobEventFeed;

  beforeAll(async () => {
    server = await startTestRedis(mode);
    redis = connectRedis(server.url, 'worker');
  });
  beforeEach(async () => {
    await redis.flushall();
    subscriber = createRedisSubscriber(server.url);
    const options = { redisUrl: server.url, logger, subscriber };
    submitter = await createJobSubmitter({ ...options, maxQueuedJobs: 1_000 });
    reader = await createJobReader(options);
    feed = await createJobEventFeed(options);
    // Only its lifecycle is used: the tests play the worker.
    worker = await createJobWorker({
      ...options,
      model: 'tiny',
      variant: '6_5',
      concurrency: 1,
      handler: () => Promise.resolve(),
    });
  });
  afterEach(async () => {
    await Promise.all([submitter.close(), worker.close(), reader.close(), feed.close()]);
    subscriber.close();
  });
  afterAll(async () => {
    redis.disconnect();
    await server.close();
  });

  const submitAndStart = async (attempt = 1): Promise<AttemptLease> => {
    const job = await submitter.submit(newTestJob());
    return restart({ jobId: job.id, model: job.model, variant: job.variant, attempt, lockToken: '' });
  };
  const restart = async (lease: AttemptLease): Promise<AttemptLease> => {
    const held = { ...lease, lockToken: `token-${lease.attempt}` };
    await redis.set(redisKeys.bull.lock(held, held.jobId), held.lockToken);
    await worker.lifecycle.start(held, Date.now());
    return held;
  };
  const say = (lease: AttemptLease, sequence: number, text: string) =>
    worker.lifecycle.appendTokens([testAppend({ lease, sequence, text, tokenIds: [sequence] })]);
  const follow = (jobId: string, afterId?: string, signal = AbortSignal.timeout(30_000)) => {
    const events: StoredJobEvent[] = [];
    const ended = (async () => {
      for await (const news of feed.events(jobId, afterId, signal)) events.push(...news);
    })();
    return { events, ended };
  };
  const textOf = (events: readonly StoredJobEvent[]) =>
    events.map((event) => (event.type === 'token' ? event.text : '')).join('');
  const typesOf = (events: readonly StoredJobEvent[]) =>
    events.map((event) => (event.type === 'token' ? 'token' : `${event.type} ${event.status}`));
  const listeners = async () => {
    const channels = await redis.pubsub('CHANNELS', '{drover}:tok:*');
    return Array.isArray(channels) ? channels.length : -1;
  };

  describe('event feed', () => {
    it('tells a finished job from the start, its text in one event, and ends', async () => {
      const lease = await submitAndStart();
      for (let i = 1; i <= 20; i++) await say(lease, i, 'x');
      await worker.lifecycle.finish(lease, succeededAttempt('x'.repeat(20)));
      const { events, ended } = follow(lease.jobId);
      await ended;
      expect(typesOf(events)).toEqual(['status queued', 'status running', 'token', 'done succeeded']);
      expect(events[2]).toMatchObject({ id: '1-20', text: 'x'.repeat(20), n: 20 });
    });

    it('tells live events as they come, to every reader', async () => {
      const lease = await submitAndStart();
      const readers = Array.from({ length: 20 }, () => follow(lease.jobId));
      for (const [i, word] of ['one ', 'two ', 'three'].entries()) {
        await say(lease, i + 1, word);
        const soFar = ['one ', 'one two ', 'one two three'][i];
        await until(() => readers.every(({ events }) => textOf(events) === soFar));
      }
      await worker.lifecycle.finish(lease, succeededAttempt('one two three'));
      await Promise.all(readers.map(({ ended }) => ended));
      for (const { events } of readers) expect(typesOf(events).at(-1)).toBe('done succeeded');
    });

    it('leaves no gap and repeats nothing between what is stored and what comes', async () => {
      const lease = await submitAndStart();
      const total = 200;
      const writing = (async () => {
        for (let i = 1; i <= total; i++) await say(lease, i, `${i},`);
        await worker.lifecycle.finish(lease, succeededAttempt('all'));
      })();
      const readers: ReturnType<typeof follow>[] = [];
      for (let i = 0; i < 10; i++) {
        readers.push(follow(lease.jobId));
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      await Promise.all([writing, ...readers.map(({ ended }) => ended)]);
      const whole = Array.from({ length: total }, (_, i) => `${i + 1},`).join('');
      for (const { events } of readers) {
        expect(textOf(events)).toBe(whole);
        expect(events.reduce((sum, event) => sum + (event.type === 'token' ? event.n : 0), 0)).toBe(total);
      }
    });

    it('goes on after the id a reader had last', async () => {
      const lease = await submitAndStart();
      for (const [i, word] of ['a', 'b', 'c'].entries()) await say(lease, i + 1, word);
      const first = follow(lease.jobId, '1-2');
      await until(() => textOf(first.events) === 'c');
      await say(lease, 4, 'd');
      await worker.lifecycle.finish(lease, succeededAttempt('abcd'));
      await first.ended;
      expect(textOf(first.events)).toBe('cd');

      const done = first.events.at(-1);
      const after = follow(lease.jobId, done?.id);
      await after.ended;
      expect(after.events).toEqual([]);
    });

    it('shows a second attempt as a status, then its text', async () => {
      const lost = await submitAndStart();
      const { events, ended } = follow(lost.jobId);
      await say(lost, 1, 'lost');
      await until(() => textOf(events) === 'lost');
      const lease = await restart({ ...lost, attempt: 2 });
      await say(lease, 1, 'kept');
      await worker.lifecycle.finish(lease, succeededAttempt('kept'));
      await ended;
      const story = ['status queued', 'status running', 'token', 'status queued', 'status running'];
      expect(typesOf(events).slice(0, 5)).toEqual(story);
      expect(textOf(events)).toBe('lostkept');
    });

    it('reads on when a wake-up was lost', async () => {
      const lease = await submitAndStart();
      const { events, ended } = follow(lease.jobId);
      await until(() => events.length === 2);
      await redis.xadd(
        redisKeys.events(lease.jobId),
        '1-1',
        'type',
        'token',
        'text',
        'silent',
        'index',
        '0',
        'n',
        '1',
      );
      await until(() => textOf(events) === 'silent');
      expect(events.at(-1)?.id).toBe('1-1');
      await worker.lifecycle.finish(lease, succeededAttempt('silent'));
      await ended;
    });

    it('ends on abort and where there is no stream, and holds no subscription then', async () => {
      const lease = await submitAndStart();
      const stop = new AbortController();
      const readers = Array.from({ length: 5 }, () => follow(lease.jobId, undefined, stop.signal));
      await until(() => readers.every(({ events }) => events.length === 2));
      expect(await listeners()).toBe(1);
      stop.abort();
      await Promise.all(readers.map(({ ended }) => ended));
      await follow('job_unknown').ended;
      await until(async () => (await listeners()) === 0);
      expect(await listeners()).toBe(0);
    });
  });

  describe('reader', () => {
    it('gives a job to its tenant only', async () => {
      const job = await submitter.submit(newTestJob({ tenant: 'a' }));
      expect(await reader.get('a', job.id)).toEqual(job);
      expect(await reader.get('b', job.id)).toBeUndefined();
      expect(await reader.get('a', 'job_unknown')).toBeUndefined();
    });

    it('waits for the end of a job', async () => {
      const lease = await submitAndStart();
      const waiting = reader.waitForFinal('public', lease.jobId, 30_000);
      await say(lease, 1, 'x');
      await worker.lifecycle.finish(lease, succeededAttempt('x'));
      expect(await waiting).toMatchObject({ status: 'succeeded', choices: [{ text: 'x' }] });
      expect(await reader.waitForFinal('public', lease.jobId, 30_000)).toMatchObject({ status: 'succeeded' });
    });

    it('answers with the job as it stands when the time is up or the signal aborts', async () => {
      const lease = await submitAndStart();
      expect(await reader.waitForFinal('public', lease.jobId, 10)).toMatchObject({ status: 'running' });
      const stop = new AbortController();
      const waiting = reader.waitForFinal('public', lease.jobId, 30_000, stop.signal);
      stop.abort();
      expect(await waiting).toMatchObject({ status: 'running' });
      expect(await reader.waitForFinal('public', 'job_unknown', 30_000)).toBeUndefined();
    });
  });

  describe('list', () => {
    const submitAt = async (createdAtMs: number, overrides = {}) =>
      submitter.submit(newTestJob({ createdAtMs, id: newJobId(createdAtMs), ...overrides }));

    it('pages through the jobs of a tenant, newest first', async () => {
      const ids: string[] = [];
      for (let i = 1; i <= 7; i++) ids.unshift((await submitAt(1_000 * i)).id);
      await submitAt(500, { tenant: 'other' });

      const seen: string[][] = [];
      let after: string | undefined;
      do {
        const page = await reader.list({ tenant: 'public', limit: 3, after });
        seen.push(page.jobs.map(({ id }) => id));
        expect(page.hasMore).toBe(page.nextAfter !== null);
        after = page.nextAfter ?? undefined;
      } while (after !== undefined);
      expect(seen).toEqual([ids.slice(0, 3), ids.slice(3, 6), ids.slice(6)]);
    });

    it('filters by status, model and variant', async () => {
      const waiting = await submitAt(1_000);
      const cancelled = await submitAt(2_000);
      await submitter.cancel('public', cancelled.id, Date.now());
      const other = await submitAt(3_000, { variant: '8_0' });
      const found = async (filter: object) =>
        (await reader.list({ tenant: 'public', limit: 10, ...filter })).jobs.map(({ id }) => id);
      expect(await found({})).toEqual([other.id, cancelled.id, waiting.id]);
      expect(await found({ status: 'cancelled' })).toEqual([cancelled.id]);
      expect(await found({ variant: '8_0' })).toEqual([other.id]);
      expect(await found({ status: 'queued', variant: '6_5' })).toEqual([waiting.id]);
      expect(await found({ model: 'unknown' })).toEqual([]);
    });

    it('leaves out jobs that have expired', async () => {
      const gone = await submitAt(1_000);
      const kept = await submitAt(2_000);
      await redis.del(redisKeys.job(gone.id));
      const page = await reader.list({ tenant: 'public', limit: 1 });
      expect(page).toEqual({ jobs: [kept], hasMore: false, nextAfter: null });
    });

    it('stops a search that finds little at its bound, and says where', async () => {
      const key = redisKeys.tenantJobs('public');
      const oldest = await submitAt(1_000, { variant: '8_0' });
      for (let from = 0; from < 11_000; from += 1_000) {
        const members = Array.from({ length: 1_000 }, (_, i) => [0, newJobId(2_000 + from + i)]).flat();
        await redis.zadd(key, ...members);
      }
      const first = await reader.list({ tenant: 'public', limit: 5, variant: '8_0' });
      expect(first).toMatchObject({ jobs: [], hasMore: true });
      const second = await reader.list({
        tenant: 'public',
        limit: 5,
        variant: '8_0',
        after: first.nextAfter ?? '',
      });
      expect(second).toEqual({ jobs: [oldest], hasMore: false, nextAfter: null });
    });
  });

  it('rejects at once when Redis is away', async () => {
    await server.kill9();
    const unavailable = { code: 'queue_unavailable' };
    await until(() =>
      reader.get('public', 'x').then(
        () => false,
        () => true,
      ),
    );
    await expect(reader.get('public', 'x')).rejects.toMatchObject(unavailable);
    await expect(reader.list({ tenant: 'public', limit: 1 })).rejects.toMatchObject(unavailable);
    await expect(reader.waitForFinal('public', 'x', 10_000)).rejects.toMatchObject(unavailable);
    await expect(follow('x').ended).rejects.toMatchObject(unavailable);
    await server.restart();
  });
});
