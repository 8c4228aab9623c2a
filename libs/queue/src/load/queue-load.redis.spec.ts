import { newTestJob, startTestRedis, succeededAttempt, type TestRedis } from '#testing';
import * as fc from 'fast-check';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RedisJobLifecycle, type JobRef } from '../job-lifecycle.js';
import type { AttemptLease, NewJob } from '../queue.types.js';
import { connectRedis } from '../redis-connection.js';
import { redisKeys } from '../redis-keys.js';
import { decodeQueueLoad, LINE_CLASSES, type LineClass } from './queue-load.js';

const ref = { model: 'tiny', variant: '6_5' };
const LIMITS = { maxQueuedJobs: 4, maxQueuedTokens: 60 };

/** What can happen to the jobs of a queue. `job` picks one of those submitted so far. */
type Happening =
  | {
      readonly do: 'submit';
      readonly priority: number;
      readonly promptTokens: number;
      readonly maxTokens: number;
    }
  | {
      readonly do:
        'start' | 'succeed' | 'fault' | 'lose' | 'hand-back' | 'cancel' | 'retry' | 'withdraw' | 'expire';
      readonly job: number;
    };

const happenings: fc.Arbitrary<Happening[]> = fc.array(
  fc.oneof(
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('submit' as const),
        priority: fc.integer({ min: 1, max: 9 }),
        promptTokens: fc.integer({ min: 1, max: 20 }),
        maxTokens: fc.integer({ min: 1, max: 20 }),
      }),
    },
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constantFrom(
          ...(['start', 'start', 'succeed', 'fault', 'lose', 'hand-back', 'cancel'] as const),
          ...(['retry', 'withdraw', 'expire'] as const),
        ),
        job: fc.nat({ max: 7 }),
      }),
    },
  ),
  { minLength: 5, maxLength: 50 },
);

type CountedClass = Pick<LineClass, 'jobs' | 'promptTokens' | 'maxTokens' | 'aged'>;

/** Jobs of one queue, with BullMQ's part (who has the lock) played by hand. */
class Line {
  readonly #jobs: NewJob[] = [];
  readonly #attempts = new Map<string, number>();

  constructor(
    private readonly redis: Redis,
    private readonly lifecycle: RedisJobLifecycle,
  ) {}

  async happen(happening: Happening, nowMs: number): Promise<void> {
    if (happening.do === 'submit') {
      const { priority, promptTokens, maxTokens } = happening;
      const job = newTestJob({
        priority,
        promptTokens,
        maxTokens,
        createdAtMs: nowMs,
        startByMs: nowMs + 20,
      });
      const { kind } = await this.lifecycle.submit(job, LIMITS);
      if (kind === 'stored') this.#jobs.push(job);
      return;
    }
    const job = this.#jobs[happening.job % Math.max(1, this.#jobs.length)];
    if (job !== undefined) await this.#act(happening.do, { ...ref, jobId: job.id }, nowMs);
  }

  async #act(action: Exclude<Happening['do'], 'submit'>, job: JobRef, nowMs: number): Promise<unknown> {
    switch (action) {
      case 'start': {
        const lease = this.#lease(job, 1);
        await this.redis.set(redisKeys.bull.lock(job, job.jobId), lease.lockToken);
        return this.lifecycle.start(lease, nowMs);
      }
      case 'succeed':
        return this.lifecycle.finish(this.#lease(job), succeededAttempt('done'));
      case 'fault':
        return this.lifecycle.finish(
          this.#lease(job),
          succeededAttempt('', {
            status: 'failed',
            failure: { code: 'engine_error', message: 'test' },
          }),
        );
      case 'lose':
        await this.redis.del(redisKeys.bull.lock(job, job.jobId));
        return this.lifecycle.requeue(job, nowMs);
      case 'hand-back':
        return this.lifecycle.handBack(this.#lease(job), nowMs);
      case 'cancel':
        return this.lifecycle.cancel('public', job, nowMs);
      case 'retry':
        return this.lifecycle.retry('public', job, nowMs, LIMITS);
      case 'withdraw': {
        const found = this.#jobs.find(({ id }) => id === job.jobId);
        return found && this.lifecycle.withdraw(found, nowMs);
      }
      case 'expire':
        return this.lifecycle.expire(job, nowMs);
      default:
        return action satisfies never;
    }
  }

  #lease(job: JobRef, more = 0): AttemptLease {
    const attempt = (this.#attempts.get(job.jobId) ?? 0) + more;
    this.#attempts.set(job.jobId, attempt);
    return { ...job, attempt, lockToken: `token-${attempt}` };
  }

  /** Brings every job to its end. */
  async endAll(nowMs: number): Promise<void> {
    for (const { id } of this.#jobs) {
      const job = { ...ref, jobId: id };
      await this.redis.del(redisKeys.bull.lock(job, id));
      await this.lifecycle.cancel('public', job, nowMs);
    }
  }

  /** The load as the records tell it, one by one. */
  async scan(): Promise<{ line: readonly CountedClass[]; running: number; tokens: number }> {
    const records = await Promise.all(this.#jobs.map(({ id }) => this.redis.hgetall(redisKeys.job(id))));
    const waiting = records.filter((record) => record['status'] === 'queued');
    const sum = (list: typeof records, field: string) =>
      list.reduce((total, record) => total + Number(record[field]), 0);
    return {
      line: LINE_CLASSES.map((line) => {
        const jobs = waiting.filter((record) => record['line'] === String(line));
        return {
          jobs: jobs.length,
          promptTokens: sum(jobs, 'promptTokens'),
          maxTokens: sum(jobs, 'maxTokens'),
          aged: line === 0 ? 0 : jobs.filter((record) => record['priority'] !== String(line)).length,
        };
      }),
      running: records.filter((record) => record['status'] === 'running').length,
      tokens: sum(waiting, 'promptTokens') + sum(waiting, 'maxTokens'),
    };
  }
}

describe.each(['auto', 'embedded'] as const)('the load of a queue (%s Redis)', (mode) => {
  let server: TestRedis;
  let redis: Redis;
  let lifecycle: RedisJobLifecycle;

  beforeAll(async () => {
    server = await startTestRedis(mode);
    redis = connectRedis(server.url, 'worker');
    lifecycle = new RedisJobLifecycle(redis);
  });
  beforeEach(() => redis.flushall());
  afterAll(async () => {
    redis.disconnect();
    await server.close();
  });

  const load = async (nowMs = 1) => decodeQueueLoad(await redis.hgetall(redisKeys.load(ref)), nowMs);
  const stored = async () => {
    const hash = await redis.hgetall(redisKeys.load(ref));
    const { line: classes, running } = decodeQueueLoad(hash, 1);
    const line = classes.map(({ jobs: waiting, promptTokens, maxTokens, aged }): CountedClass => ({
      jobs: waiting,
      promptTokens,
      maxTokens,
      aged,
    }));
    const [jobs, tokens] = [Number(hash['jobs'] ?? 0), Number(hash['tokens'] ?? 0)];
    return { line, running: running.length, tokens, jobs };
  };

  it('is what a scan of the records gives, whatever happens, and nothing at the end', async () => {
    await fc.assert(
      fc.asyncProperty(happenings, async (steps) => {
        await redis.flushall();
        const line = new Line(redis, lifecycle);
        for (const [i, step] of steps.entries()) {
          await line.happen(step, 1_000 + i);
          const { jobs, ...counted } = await stored();
          expect(counted, `after ${step.do}`).toEqual(await line.scan());
          expect(counted.line.reduce((sum, one) => sum + one.jobs, 0)).toBe(jobs);
        }
        await line.endAll(2_000);
        const { line: classes, running, tokens, jobs } = await stored();
        expect([running, tokens, jobs]).toEqual([0, 0, 0]);
        for (const one of classes) expect(one).toEqual({ jobs: 0, promptTokens: 0, maxTokens: 0, aged: 0 });
      }),
      { numRuns: mode === 'auto' ? 150 : 30 },
    );
  });

  it('lets as many racing jobs in as there is room for, in jobs and in tokens', async () => {
    const race = (limits: typeof LIMITS) =>
      Promise.all(
        Array.from({ length: 20 }, () =>
          lifecycle.submit(newTestJob({ promptTokens: 3, maxTokens: 7 }), limits),
        ),
      );
    const storedOf = (outcomes: Awaited<ReturnType<typeof race>>) =>
      outcomes.filter(({ kind }) => kind === 'stored').length;
    expect(storedOf(await race({ maxQueuedJobs: 7, maxQueuedTokens: 1_000 }))).toBe(7);
    expect(storedOf(await race({ maxQueuedJobs: 1_000, maxQueuedTokens: 129 }))).toBe(5);
  });

  it('learns the length of texts from successes, the latest most', async () => {
    const succeed = async (length: number, priority = 5) => {
      const job = newTestJob({ maxTokens: 100, priority });
      await lifecycle.submit(job);
      const lease = { ...ref, jobId: job.id, attempt: 1, lockToken: 't' };
      await redis.set(redisKeys.bull.lock(ref, job.id), 't');
      await lifecycle.start(lease, 1);
      await lifecycle.finish(lease, succeededAttempt('x'.repeat(length)));
    };
    const learned = async (priority = 5) => (await load()).line[priority]?.lengths ?? null;
    expect(await learned()).toBeNull();
    for (let i = 0; i < 5; i++) await succeed(20);
    expect((await learned())?.tokens.mean).toBeCloseTo(20, 4);
    expect((await learned())?.tokens.deviation).toBeCloseTo(0, 2);
    expect((await learned())?.share.mean).toBeCloseTo(0.2, 4);
    for (let i = 0; i < 5; i++) await succeed(40);
    const after = await learned();
    expect(after?.tokens.mean).toBeGreaterThan(30);
    expect(after?.tokens.mean).toBeLessThan(40);
    expect(after?.tokens.deviation).toBeGreaterThan(9);

    for (let i = 0; i < 4; i++) await succeed(90, 1);
    expect((await learned(1))?.tokens.mean).toBeCloseTo(90, 4);
    expect(await learned(5)).toEqual(after);
  });

  it('tells how many jobs of a class come a second, which fades', async () => {
    const arrivals = async (nowMs: number) => (await load(nowMs)).line[2]?.arrivals;
    const startedMs = 1_000_000;
    const lastMs = startedMs + 300_000;
    for (let atMs = startedMs; atMs <= lastMs; atMs += 500) {
      await lifecycle.submit(newTestJob({ priority: 2, promptTokens: 10, maxTokens: 30, createdAtMs: atMs }));
    }
    const rate = await arrivals(lastMs);
    expect(rate?.jobs).toBeCloseTo(2, 1);
    expect(rate?.promptTokens).toBeCloseTo(20, 0);
    expect(rate?.maxTokens).toBeCloseTo(60, 0);
    expect((await arrivals(lastMs + 30_000))?.jobs).toBeCloseTo((rate?.jobs ?? 0) / Math.E, 4);
    expect((await load(lastMs)).line[3]?.arrivals.jobs).toBe(0);
  });
});
