import { startTestRedis, succeededAttempt, type TestRedis, testAppend, testChoices } from '#testing';
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { TokenAppend } from './queue.types.js';
import { PlayedQueue, refOf } from './played-queue.fixture.js';
import { connectRedis } from './redis-connection.js';
import { redisKeys } from './redis-keys.js';

// The embedded server is another implementation of Redis, so it has to keep the same promises.
describe.each(['auto', 'embedded'] as const)('resume (%s Redis)', (mode) => {
  let server: TestRedis;
  let redis: Redis;
  let queue: PlayedQueue;
  let stops: string[];

  beforeAll(async () => {
    server = await startTestRedis(mode);
    redis = connectRedis(server.url, 'worker');
  });
  beforeEach(() => {
    stops = [];
    queue = new PlayedQueue(redis, { stop: ({ attempt }, kind) => stops.push(`${attempt} ${kind}`) });
  });
  afterEach(() => redis.flushall());
  afterAll(async () => {
    redis.disconnect();
    await server.close();
  });

  describe('the next attempt', () => {
    it('starts from nothing where nothing was shown', async () => {
      const job = await queue.submit();
      expect(await queue.start(job, 1)).toMatchObject({
        generated: [],
        suspect: false,
      });
    });

    it('starts with all tokens that the stream shows, of every attempt before', async () => {
      const job = await queue.submit();
      const first = await queue.run(job, 1);
      await queue.say(first, 1, 'He', 'l');
      await queue.say(first, 2, 'lo');
      await queue.loseLock(job);
      await queue.lifecycle.requeue(refOf(job), Date.now());
      const second = await queue.run(job, 2);
      await queue.say(second, 1, ' wörld');
      expect(await queue.start(job, 3)).toMatchObject({
        generated: [{ tokenIds: [100, 101, 200, 100], text: 'Hello wörld' }],
      });
    });

    it('is told all that the lost one could still write', async () => {
      const job = await queue.submit();
      const lost = await queue.run(job, 1);
      const writing = [1, 2, 3, 4, 5].map((sequence) => queue.say(lost, sequence, 'x'));
      const starting = queue.start(job, 2);
      const outcomes = await Promise.all([...writing, ...[6, 7, 8].map((n) => queue.say(lost, n, 'x'))]);
      const written = outcomes.filter((outcome) => outcome === 'written').length;
      expect(await starting).toMatchObject({
        generated: written === 0 ? [] : [{ text: 'x'.repeat(written) }],
      });
    });
  });

  describe('an append', () => {
    it('is refused without the lock, though nobody has taken the job yet, and stops its attempt', async () => {
      const job = await queue.submit();
      const lease = await queue.run(job);
      await queue.loseLock(job);
      expect(await queue.say(lease, 1, 'late')).toBe('lost');
      expect(await queue.events(job)).toHaveLength(2);
      expect(stops).toEqual(['1 lost']);
    });

    it('brings its attempt the news of a cancellation', async () => {
      const job = await queue.submit();
      const lease = await queue.run(job);
      expect(await queue.say(lease, 1, 'a')).toBe('written');
      expect(stops).toEqual([]);
      await queue.lifecycle.cancel(job.tenant, refOf(job), Date.now());
      expect(await queue.say(lease, 2, 'b')).toBe('written');
      expect(stops).toEqual(['1 cancelled']);
    });

    it('of a step with many attempts fails those alone that have lost their jobs', async () => {
      const jobs = await Promise.all(Array.from({ length: 5 }, () => queue.submit()));
      const leases = await Promise.all(jobs.map((job) => queue.run(job)));
      await Promise.all(jobs.filter((_, i) => i % 2 === 1).map((job) => queue.loseLock(job)));
      const outcomes = await queue.lifecycle.appendTokens(
        leases.map((lease, i) => testAppend({ lease, sequence: 1, text: `${i}`, tokenIds: [i] })),
      );
      expect(outcomes).toEqual(['written', 'lost', 'written', 'lost', 'written']);
      for (const [i, job] of jobs.entries()) {
        const last = (await queue.events(job)).at(-1);
        expect(last).toBe(i % 2 === 0 ? `1-1 token ${i}` : '1-0 status running');
      }
    });

    it('wakes the readers of its stream', async () => {
      const job = await queue.submit();
      const lease = await queue.run(job);
      const subscriber = connectRedis(server.url, 'worker');
      const heard: string[] = [];
      subscriber.on('message', (_, id: string) => heard.push(id));
      await subscriber.subscribe(redisKeys.events(job.id));
      await queue.say(lease, 1, 'a');
      await queue.say(lease, 1, 'a');
      await subscriber.ping();
      subscriber.disconnect();
      expect(heard).toEqual(['1-1']);
    });
  });

  describe('a job that ends without its worker', () => {
    const interrupted = async (overrides = {}) => {
      const job = await queue.submit(overrides);
      const lease = await queue.run(job);
      await queue.say(lease, 1, 'par', 't');
      return { job, lease };
    };
    const partial = {
      usage: { promptTokens: 3, completionTokens: 2, cachedTokens: 0 },
      timings: null,
    };

    it('keeps text and usage when it is cancelled', async () => {
      const { job } = await interrupted();
      await queue.loseLock(job);
      await queue.lifecycle.cancel(job.tenant, refOf(job), Date.now());
      expect(await queue.stored(job)).toMatchObject({
        ...partial,
        status: 'cancelled',
        choices: testChoices('part', 'cancelled'),
      });
    });

    it('keeps each of its texts, with its own end and its log probabilities', async () => {
      const job = await queue.submit({ choiceCount: 3 });
      const lease = await queue.run(job);
      const logprobs = [{ tokenId: 7, token: '"', bytes: [34], logprob: -0.5, top: [] }];
      const append = (sequence: number, index: number, more: Partial<TokenAppend> = {}) =>
        testAppend({ lease, sequence, index, text: '"ö', tokenIds: [7], ...more });
      await queue.lifecycle.appendTokens([
        append(1, 2, { logprobs }),
        append(2, 0),
        append(3, 2, { text: '', logprobs, finishReason: 'stop' }),
      ]);
      await queue.loseLock(job);
      expect(await queue.start(job, 2)).toMatchObject({
        generated: [
          { text: '"ö', tokenIds: [7], logprobs: [], finishReason: null },
          { text: '', tokenIds: [], logprobs: [], finishReason: null },
          { text: '"ö', tokenIds: [7, 7], logprobs: [...logprobs, ...logprobs], finishReason: 'stop' },
        ],
      });
      await queue.loseLock(job);
      await queue.lifecycle.cancel(job.tenant, refOf(job), Date.now());
      expect(await queue.stored(job)).toMatchObject({
        choices: [
          { text: '"ö', finishReason: 'cancelled', logprobs: null },
          { text: '', finishReason: 'cancelled', logprobs: null },
          { text: '"ö', finishReason: 'stop', logprobs: [...logprobs, ...logprobs] },
        ],
        usage: { promptTokens: 3, completionTokens: 3 },
      });
    });

    it('keeps them when its time ran out while no worker held it, as the next start or a review finds', async () => {
      const overdueMs = () => Date.now() + 60_001;
      const expired = { ...partial, status: 'expired', choices: testChoices('part', 'deadline') };

      const started = await interrupted({ timeoutMs: 60_000 });
      await queue.lifecycle.handBack(started.lease, Date.now());
      expect(await queue.start(started.job, 2, overdueMs())).toEqual({ kind: 'skip', reason: 'expired' });
      expect(await queue.stored(started.job)).toMatchObject(expired);

      const waiting = await interrupted({ timeoutMs: 60_000 });
      await queue.lifecycle.handBack(waiting.lease, Date.now());
      expect(await queue.lifecycle.expire(refOf(waiting.job), Date.now() + 50_000)).toBe('unchanged');
      expect(await queue.lifecycle.expire(refOf(waiting.job), overdueMs())).toBe('expired');
      expect(await queue.stored(waiting.job)).toMatchObject(expired);
    });

    it('keeps them when its handler threw', async () => {
      const { job, lease } = await interrupted();
      const failure = { code: 'invalid_input', message: 'No.' } as const;
      const end = { status: 'failed', finishReason: 'error', failure, finishedAtMs: Date.now() } as const;
      await queue.lifecycle.finish(lease, end);
      expect(await queue.stored(job)).toMatchObject({ ...partial, status: 'failed', failure });
    });

    it('has no output where nothing was shown', async () => {
      const job = await queue.submit();
      await queue.run(job);
      await queue.loseLock(job);
      await queue.lifecycle.cancel(job.tenant, refOf(job), Date.now());
      expect(await queue.stored(job)).toMatchObject({ status: 'cancelled', choices: null, usage: null });
    });
  });

  describe('a fault', () => {
    const failWith = (code: 'engine_error' | 'invalid_input') =>
      succeededAttempt('', { status: 'failed', failure: { code, message: 'Oh.' } });

    it('of ours has the job tried again, twice, and then fails it', async () => {
      const told: number[] = [];
      queue = new PlayedQueue(redis, { retryLater: (_, tries) => told.push(tries) });
      const job = await queue.submit({ webhook: { url: 'https://a.example' } });
      for (const attempt of [1, 2]) {
        const lease = await queue.run(job, attempt);
        expect(await queue.lifecycle.finish(lease, failWith('engine_error'))).toBe('retry-later');
        expect(await queue.lifecycle.finish(lease, failWith('engine_error'))).toBe('retry-later');
        expect(await queue.stored(job)).toMatchObject({
          status: 'queued',
          tries: attempt,
          failure: null,
          deaths: [],
        });
      }
      const last = await queue.run(job, 3);
      expect(await queue.lifecycle.finish(last, failWith('engine_error'))).toBe('written');
      expect(await queue.stored(job)).toMatchObject({ status: 'failed', failure: { code: 'engine_error' } });
      expect(told).toEqual([1, 1, 2, 2]);
      expect(await redis.llen(redisKeys.webhookOutbox)).toBe(1);
    });

    it('of the caller fails it at once', async () => {
      const job = await queue.submit();
      expect(await queue.lifecycle.finish(await queue.run(job), failWith('invalid_input'))).toBe('written');
      expect((await queue.stored(job))?.status).toBe('failed');
    });

    it('of ours is not tried again once the client has cancelled', async () => {
      const job = await queue.submit();
      const lease = await queue.run(job);
      await queue.lifecycle.cancel(job.tenant, refOf(job), Date.now());
      expect(await queue.lifecycle.finish(lease, failWith('engine_error'))).toBe('written');
    });
  });

  it('tells the start of a run once, however many attempts it takes', async () => {
    const job = await queue.submit({ webhook: { url: 'https://a.example', events: ['job.started'] } });
    await queue.lifecycle.handBack(await queue.run(job, 1), Date.now());
    await queue.run(job, 2);
    expect(await redis.lrange(redisKeys.webhookOutbox, 0, '-1')).toEqual([`${job.id} job.started 0`]);
  });
});
