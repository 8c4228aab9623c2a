import {
  newTestJob,
  startTestRedis,
  succeededAttempt,
  type TestRedis,
  testAppend,
  testChoices,
} from '#testing';
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { isDoneEventId } from './event-ids.js';
import type { RedisJobLifecycle } from './job-lifecycle.js';
import type { AttemptLease, NewJob } from './queue.types.js';
import { connectRedis } from './redis-connection.js';
import { parseOutboxEntry } from './outbox-entry.js';
import { PlayedQueue, refOf } from './played-queue.fixture.js';
import { redisKeys } from './redis-keys.js';
import { MAX_FRUITLESS_LOSSES } from './scripts/prelude/losses.lua.js';

const WEBHOOK = { url: 'https://example.com/hook' };

// The embedded server is another implementation of Redis, so it has to keep the same promises.
describe.each(['auto', 'embedded'] as const)('job lifecycle (%s Redis)', (mode) => {
  let server: TestRedis;
  let redis: Redis;
  let queue: PlayedQueue;
  let lifecycle: RedisJobLifecycle;
  let lateWrites: string[];

  beforeAll(async () => {
    server = await startTestRedis(mode);
    redis = connectRedis(server.url, 'worker');
  });
  beforeEach(() => {
    lateWrites = [];
    queue = new PlayedQueue(redis, { lateWrite: (kind) => lateWrites.push(kind) });
    ({ lifecycle } = queue);
  });
  afterEach(() => redis.flushall());
  afterAll(async () => {
    redis.disconnect();
    await server.close();
  });

  const submit = (overrides?: Partial<NewJob>) => queue.submit(overrides);
  const take = (job: NewJob, attempt: number) => queue.take(job, attempt);
  const run = (job: NewJob, attempt = 1) => queue.run(job, attempt);
  const loseLock = (job: NewJob) => queue.loseLock(job);
  const stored = (job: NewJob) => queue.stored(job);
  const statusOf = async (job: NewJob) => (await stored(job))?.status;
  const eventsOf = async (job: NewJob) => {
    const entries = await redis.xrange(redisKeys.events(job.id), '-', '+');
    return entries.map(([id, fields]) => ({ id, type: fields[1], detail: fields[3] }));
  };
  const token = (lease: AttemptLease, sequence: number, text = 'a') =>
    testAppend({ lease, sequence, text, tokenIds: [sequence] });
  const outbox = async () =>
    (await redis.lrange(redisKeys.webhookOutbox, 0, -1)).map((text) => parseOutboxEntry(text).jobId);

  it('stores a submitted job as queued and tells its stream', async () => {
    const job = await submit();
    expect(await stored(job)).toMatchObject({ id: job.id, status: 'queued', attempt: 0, input: job.input });
    expect(await eventsOf(job)).toEqual([{ id: '0-1', type: 'status', detail: 'queued' }]);
  });

  it('stores a job once however often it is submitted', async () => {
    const job = await submit();
    await run(job);
    const again = await lifecycle.submit(job);
    expect(again).toMatchObject({ kind: 'known', job: { status: 'running', attempt: 1 } });
    expect(await statusOf(job)).toBe('running');
  });

  it('runs a job from its start to its end, in one stream', async () => {
    const job = await submit();
    const lease = await run(job);
    await lifecycle.appendTokens([token(lease, 1, 'He'), token(lease, 2, 'llo')]);
    expect(await lifecycle.finish(lease, succeededAttempt('Hello'))).toBe('written');
    expect(await stored(job)).toMatchObject({
      status: 'succeeded',
      choices: testChoices('Hello'),
      attempt: 1,
      usage: { completionTokens: 5 },
    });
    const events = await eventsOf(job);
    expect(events.map(({ type, detail }) => `${type} ${detail}`)).toEqual([
      'status queued',
      'status running',
      'token He',
      'token llo',
      'done succeeded',
    ]);
    expect(isDoneEventId(events.at(-1)?.id ?? '')).toBe(true);
  });

  it('lets record and stream expire after the end, not before', async () => {
    const job = await submit({ ttlMs: 5_000 });
    const lease = await run(job);
    const keys = [redisKeys.job(job.id), redisKeys.events(job.id)];
    for (const key of keys) expect(await redis.pttl(key)).toBe(-1);
    await lifecycle.finish(lease, succeededAttempt('x'));
    for (const key of keys) {
      const ttlMs = await redis.pttl(key);
      expect(ttlMs).toBeGreaterThan(0);
      expect(ttlMs).toBeLessThanOrEqual(5_000);
    }
  });

  it('answers a repeated start of the same attempt as the first, and changes nothing', async () => {
    const job = await submit();
    const lease = await run(job);
    const before = await eventsOf(job);
    expect(await lifecycle.start(lease, Date.now() + 9)).toMatchObject({ kind: 'started' });
    expect(await eventsOf(job)).toEqual(before);
  });

  it('answers a repeated finish of the same lease as the first, and tells the webhook once', async () => {
    const job = await submit({ webhook: WEBHOOK });
    const lease = await run(job);
    expect(await lifecycle.finish(lease, succeededAttempt('first'))).toBe('written');
    await loseLock(job);
    expect(await lifecycle.finish(lease, succeededAttempt('second'))).toBe('written');
    expect((await stored(job))?.choices?.[0]?.text).toBe('first');
    expect(await outbox()).toEqual([job.id]);
  });

  it('refuses everything of an attempt whose job another attempt took, and counts it', async () => {
    const job = await submit();
    const stale = await run(job, 1);
    await lifecycle.appendTokens([token(stale, 1, 'stale')]);
    const fresh = await run(job, 2);
    await lifecycle.appendTokens([token(fresh, 1, 'fresh')]);

    expect(await lifecycle.appendTokens([token(stale, 2), token(fresh, 2)])).toEqual(['lost', 'written']);
    expect(await lifecycle.finish(stale, succeededAttempt('stale'))).toBe('lost');
    expect(await lifecycle.start(stale, Date.now())).toEqual({ kind: 'lost' });
    expect(lateWrites).toEqual(['append', 'finish']);

    expect(await lifecycle.finish(fresh, succeededAttempt('fresh'))).toBe('written');
    expect(await lifecycle.finish(stale, succeededAttempt('stale'))).toBe('lost');
    expect(await stored(job)).toMatchObject({
      status: 'succeeded',
      choices: [{ text: 'fresh' }],
      attempt: 2,
    });
  });

  it('refuses the finish of an attempt whose lock ran out, before anyone else has the job', async () => {
    const job = await submit();
    const lease = await run(job);
    await loseLock(job);
    expect(await lifecycle.finish(lease, succeededAttempt('late'))).toBe('lost');
    expect(await statusOf(job)).toBe('running');
  });

  it('takes a repeated append, whose first reply was lost, for written', async () => {
    const job = await submit();
    const lease = await run(job);
    await lifecycle.appendTokens([token(lease, 1, 'once')]);
    expect(await lifecycle.appendTokens([token(lease, 1, 'once')])).toEqual(['written']);
    expect((await eventsOf(job)).filter(({ type }) => type === 'token')).toHaveLength(1);
    expect(lateWrites).toEqual([]);
  });

  it('refuses text after the end, and to a stream that is gone', async () => {
    const job = await submit();
    const lease = await run(job);
    await lifecycle.finish(lease, succeededAttempt('x'));
    expect(await lifecycle.appendTokens([token(lease, 1)])).toEqual(['lost']);
    await redis.del(redisKeys.events(job.id));
    expect(await lifecycle.appendTokens([token(lease, 2)])).toEqual(['lost']);
    expect(await redis.exists(redisKeys.events(job.id))).toBe(0);
  });

  it('starts nothing for a job that is gone, or that BullMQ delivers twice', async () => {
    const gone = await take(newTestJob(), 1);
    expect(await lifecycle.start(gone, Date.now())).toEqual({ kind: 'skip', reason: 'gone' });

    const job = await submit();
    await lifecycle.finish(await run(job), succeededAttempt('x'));
    const again = await take(job, 2);
    expect(await lifecycle.start(again, Date.now())).toEqual({ kind: 'skip', reason: 'already-finished' });
  });

  it('expires a job that starts too late, at the start or by review', async () => {
    const startByMs = Date.now() + 1_000;
    const late = await submit({ startByMs, webhook: WEBHOOK });
    const lease = await take(late, 1);
    expect(await lifecycle.start(lease, startByMs + 1)).toEqual({ kind: 'skip', reason: 'expired' });
    expect(await stored(late)).toMatchObject({ status: 'expired', choices: null, startedAtMs: null });
    expect(await outbox()).toEqual([late.id]);

    const unclaimed = await submit({ startByMs });
    expect(await lifecycle.expire(refOf(unclaimed), startByMs)).toBe('unchanged');
    expect(await lifecycle.expire(refOf(unclaimed), startByMs + 1)).toBe('expired');
  });

  it('does not expire a job that has started before and starts again', async () => {
    const startByMs = Date.now() + 60_000;
    const job = await submit({ startByMs });
    await run(job, 1);
    await loseLock(job);
    await lifecycle.requeue(refOf(job), Date.now());
    const second = await take(job, 2);
    expect(await lifecycle.start(second, startByMs + 1)).toMatchObject({ kind: 'started' });
  });

  it('keeps the first start time over a second attempt', async () => {
    const job = await submit();
    const first = await take(job, 1);
    await lifecycle.start(first, 1_000);
    const second = await take(job, 2);
    const outcome = await lifecycle.start(second, 9_000);
    expect(outcome).toMatchObject({ kind: 'started', job: { startedAtMs: 1_000, attempt: 2 } });
  });

  describe('cancel', () => {
    it('ends a queued job at once, and a later start skips it', async () => {
      const job = await submit({ webhook: WEBHOOK });
      const outcome = await lifecycle.cancel('public', refOf(job), Date.now());
      expect(outcome).toMatchObject({ kind: 'cancelled', job: { status: 'cancelled', choices: null } });
      const lease = await take(job, 1);
      expect(await lifecycle.start(lease, Date.now())).toEqual({ kind: 'skip', reason: 'cancelled' });
      expect(await outbox()).toEqual([job.id]);
    });

    it('asks the worker of a running job, which finishes it with its partial text', async () => {
      const job = await submit();
      const lease = await run(job);
      const asked = await lifecycle.cancel('public', refOf(job), 5_000);
      expect(asked).toMatchObject({
        kind: 'cancelling',
        job: { status: 'running', cancelRequestedAtMs: 5_000 },
      });
      const again = await lifecycle.cancel('public', refOf(job), 6_000);
      expect(again).toMatchObject({ kind: 'cancelling', job: { cancelRequestedAtMs: 5_000 } });
      const end = succeededAttempt('par', { status: 'cancelled' });
      expect(await lifecycle.finish(lease, end)).toBe('written');
      expect(await stored(job)).toMatchObject({ status: 'cancelled', choices: [{ text: 'par' }] });
    });

    it('ends a running job at once when no worker holds it any more', async () => {
      const job = await submit();
      await run(job);
      await loseLock(job);
      const outcome = await lifecycle.cancel('public', refOf(job), Date.now());
      expect(outcome).toMatchObject({ kind: 'cancelled', job: { status: 'cancelled' } });
    });

    it('changes nothing about a job that has ended or belongs to another', async () => {
      const job = await submit();
      expect(await lifecycle.cancel('other', refOf(job), Date.now())).toEqual({ kind: 'not-found' });
      await lifecycle.finish(await run(job), succeededAttempt('x'));
      const outcome = await lifecycle.cancel('public', refOf(job), Date.now());
      expect(outcome).toMatchObject({
        kind: 'already-finished',
        job: { status: 'succeeded', choices: [{ text: 'x' }] },
      });
    });

    it('races with finish to exactly one end', async () => {
      for (let round = 0; round < 20; round++) {
        const job = await submit({ webhook: WEBHOOK });
        const lease = await run(job);
        const [finished, cancelled] = await Promise.all([
          lifecycle.finish(lease, succeededAttempt('x')),
          lifecycle.cancel('public', refOf(job), Date.now()),
        ]);
        expect(finished).toBe('written');
        expect(['already-finished', 'cancelling']).toContain(cancelled.kind);
        expect(await statusOf(job)).toBe('succeeded');
        expect((await eventsOf(job)).filter(({ type }) => type === 'done')).toHaveLength(1);
      }
      expect(await redis.llen(redisKeys.webhookOutbox)).toBe(20);
    });
  });

  describe('a lost worker', () => {
    it('puts its job back into the queue, closed to the lost attempt', async () => {
      const job = await submit();
      const lost = await run(job);
      await lifecycle.appendTokens([token(lost, 1)]);
      await loseLock(job);
      expect(await lifecycle.requeue(refOf(job), Date.now())).toBe('queued');
      expect(await lifecycle.appendTokens([token(lost, 2)])).toEqual(['lost']);
      expect((await eventsOf(job)).at(-1)).toMatchObject({ type: 'status', detail: 'queued' });
      await run(job, 2);
      expect(await statusOf(job)).toBe('running');
    });

    it('changes nothing where a worker holds the job, or it is not running', async () => {
      const job = await submit();
      expect(await lifecycle.requeue(refOf(job), Date.now())).toBe('unchanged');
      await run(job);
      expect(await lifecycle.requeue(refOf(job), Date.now())).toBe('unchanged');
      expect(await statusOf(job)).toBe('running');
    });

    it('ends a job as cancelled whose cancellation it had not heard', async () => {
      const byRequeue = await submit();
      await run(byRequeue);
      await lifecycle.cancel('public', refOf(byRequeue), Date.now());
      await loseLock(byRequeue);
      expect(await lifecycle.requeue(refOf(byRequeue), Date.now())).toBe('cancelled');

      const byStart = await submit();
      await run(byStart);
      await lifecycle.cancel('public', refOf(byStart), Date.now());
      const second = await take(byStart, 2);
      expect(await lifecycle.start(second, Date.now())).toEqual({ kind: 'skip', reason: 'cancelled' });
      expect(await statusOf(byStart)).toBe('cancelled');
    });
  });

  describe('hand back', () => {
    it('returns a running job without counting a loss', async () => {
      const job = await submit();
      for (let attempt = 1; attempt <= 2 * MAX_FRUITLESS_LOSSES; attempt++) {
        expect(await lifecycle.handBack(await run(job, attempt), Date.now())).toBe('queued');
      }
      expect(await statusOf(job)).toBe('queued');
    });

    it('takes all further writes from the attempt', async () => {
      const job = await submit();
      const lease = await run(job);
      await lifecycle.handBack(lease, Date.now());
      expect(await lifecycle.appendTokens([token(lease, 1)])).toEqual(['lost']);
    });

    it('tells the other cases apart', async () => {
      const unstarted = await submit();
      expect(await lifecycle.handBack(await take(unstarted, 1), Date.now())).toBe('queued');

      const asked = await submit();
      const askedLease = await run(asked);
      await lifecycle.cancel('public', refOf(asked), Date.now());
      expect(await lifecycle.handBack(askedLease, Date.now())).toBe('cancelled');

      const ended = await submit();
      const endedLease = await run(ended);
      await lifecycle.finish(endedLease, succeededAttempt('x'));
      expect(await lifecycle.handBack(endedLease, Date.now())).toBe('finished');

      const lost = await submit();
      const lostLease = await run(lost);
      await loseLock(lost);
      expect(await lifecycle.handBack(lostLease, Date.now())).toBe('lost');
    });
  });

  it('puts a job into the outbox for the events its webhook wants, and no other', async () => {
    const wanted = await submit({ webhook: { ...WEBHOOK, events: ['job.cancelled'] } });
    await lifecycle.cancel('public', refOf(wanted), Date.now());
    const unwanted = await submit({ webhook: { ...WEBHOOK, events: ['job.failed'] } });
    await lifecycle.finish(await run(unwanted), succeededAttempt('x'));
    expect(await outbox()).toEqual([wanted.id]);
  });

  it('refuses jobs over the bound of the queue and stores nothing of them', async () => {
    const limits = { maxQueuedJobs: 2, maxQueuedTokens: 1_000 };
    await submit();
    await submit({ promptTokens: 100, maxTokens: 200 });
    const job = newTestJob();
    const full = { kind: 'full', line: { jobs: 2, tokens: 319 } };
    expect(await lifecycle.submit(job, limits)).toEqual(full);
    expect(await stored(job)).toBeUndefined();
    expect(await lifecycle.submit(job, { maxQueuedJobs: 3, maxQueuedTokens: 337 })).toEqual(full);
    expect((await lifecycle.submit(job, { maxQueuedJobs: 3, maxQueuedTokens: 338 })).kind).toBe('stored');
  });

  it('withdraws a job that nobody started, and no other', async () => {
    const job = await submit();
    expect(await lifecycle.withdraw(job, Date.now())).toBeUndefined();
    expect(await stored(job)).toBeUndefined();
    expect(
      await redis.exists(redisKeys.events(job.id), redisKeys.tenantJobs(job.tenant), redisKeys.watch),
    ).toBe(0);

    const started = await submit();
    await run(started);
    expect(await lifecycle.withdraw(started, Date.now())).toMatchObject({ status: 'running' });
  });
});
