import { isFinalJobStatus, mayFollow, type JobStatus } from '#contracts';
import { newTestJob, startTestRedis, type TestRedis } from '#testing';
import * as fc from 'fast-check';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isDoneEventId } from './event-ids.js';
import { happenings, JobHistory, textOf, type Happening } from './job-history.fixture.js';
import type { NewJob } from './queue.types.js';
import { connectRedis } from './redis-connection.js';
import { redisKeys } from './redis-keys.js';

const START_BY_MS = 5_000;
const WEBHOOK = {
  url: 'https://example.com',
  events: ['job.started', 'job.succeeded', 'job.failed', 'job.cancelled', 'job.expired'],
} as const;

const jobs: fc.Arbitrary<NewJob> = fc
  .record({
    webhook: fc.constantFrom(null, WEBHOOK),
    ttlMs: fc.constantFrom(0, 60_000),
    timeoutMs: fc.constantFrom(null, 10),
  })
  .map((overrides) => newTestJob({ startByMs: START_BY_MS, ...overrides }));

/** What a reader that never looks away sees of a job. */
class Observer {
  readonly endings: string[] = [];
  readonly #seen: string[] = [];
  #before: JobStatus | null = 'queued';
  #retries = 0;

  constructor(
    private readonly history: JobHistory,
    private readonly redis: Redis,
  ) {}

  async look(step: Happening): Promise<void> {
    const { job } = this.history;
    const record = await this.redis.hgetall(redisKeys.job(job.id));
    const status = (record['status'] ?? null) as JobStatus | null;
    const entries = await this.redis.xrange(redisKeys.events(job.id), '-', '+');
    this.#checkMove(status, step);
    this.#checkIds(entries.map(([id]) => id));
    this.#retries = Number(record['retries'] ?? this.#retries);

    const ended = status === null || isFinalJobStatus(status);
    const done = this.#seen.filter(isDoneEventId);
    expect(done).toHaveLength(this.#retries + (ended ? 1 : 0));
    if (status === null) return;
    if (record['fetchedAtMs'] !== undefined) return;
    const tokens = entries.filter(([, fields]) => fields[1] === 'token').map(([, fields]) => fields[3] ?? '');
    expect(tokens.join('')).toBe(textOf(this.history.shown));
    if (ended) expect(record['text'] ?? '').toBe(tokens.join(''));
    else expect(record['text']).toBeUndefined();
    const isQuarantined = record['failure']?.includes('"quarantined"') ?? false;
    expect(await this.redis.zrange(redisKeys.deadLetters(job.tenant), 0, '-1')).toEqual(
      isQuarantined ? [job.id] : [],
    );
  }

  async lookBack(): Promise<void> {
    const { id, model, variant, webhook } = this.history.job;
    const counts: Record<string, string> = {};
    for (const ending of this.endings) {
      const name = `${model} ${variant} ${ending}`;
      counts[name] = String(Number(counts[name] ?? 0) + 1);
    }
    expect(await this.redis.hgetall(redisKeys.finishedJobs)).toEqual(counts);

    const outbox = await this.redis.lrange(redisKeys.webhookOutbox, 0, -1);
    expect(new Set(outbox).size).toBe(outbox.length);
    const told = outbox.filter((entry) => !entry.includes('job.started')).toReversed();
    expect(told).toEqual(
      webhook === null ? [] : this.endings.map((ending, run) => `${id} job.${ending} ${run}`),
    );
  }

  /** A lost attempt and the next start are two moves in one script, by way of `queued`. */
  #checkMove(status: JobStatus | null, step: Happening): void {
    const before = this.#before;
    this.#before = status;
    if (status === before) return;
    if (status === null) {
      expect([step.do, before !== null && isFinalJobStatus(before)]).toEqual(['fetch', true]);
      return;
    }
    expect(before !== null && mayFollow(before, status), `${before} to ${status} by ${step.do}`).toBe(true);
    if (before !== null && isFinalJobStatus(before)) expect(step.do).toBe('retry');
    if (isFinalJobStatus(status)) this.endings.push(status);
  }

  #checkIds(ids: readonly string[]): void {
    const known = new Set(this.#seen);
    this.#seen.push(...ids.filter((id) => !known.has(id)));
    expect(this.#seen).toEqual(this.#seen.toSorted(byId));
    expect(ids).toEqual(this.#seen.slice(this.#seen.length - ids.length));
  }
}

function byId(a: string, b: string): number {
  const [attemptA = 0, nA = 0] = a.split('-').map(Number);
  const [attemptB = 0, nB = 0] = b.split('-').map(Number);
  return attemptA - attemptB || nA - nB;
}

/** Everything in Redis, byte by byte. */
async function dump(redis: Redis): Promise<Map<string, string | undefined>> {
  const keys = (await redis.keys('*')).toSorted();
  const dumps = await Promise.all(keys.map((key) => redis.dumpBuffer(key)));
  return new Map(keys.map((key, i) => [key, dumps[i]?.toString('base64')]));
}

describe('any history of a job', { timeout: 120_000 }, () => {
  let server: TestRedis;
  let redis: Redis;

  beforeAll(async () => {
    server = await startTestRedis();
    redis = connectRedis(server.url, 'worker');
  });
  afterAll(async () => {
    redis.disconnect();
    await server.close();
  });

  it('moves by legal transitions, ends once a run, and tells one ordered story whose text is the result', async () => {
    await fc.assert(
      fc.asyncProperty(jobs, happenings, async (job, steps) => {
        await redis.flushall();
        const history = new JobHistory(job, redis);
        await history.lifecycle.submit(job);
        const observer = new Observer(history, redis);
        for (const [i, step] of steps.entries()) {
          const before = await dump(redis);
          const refused = await history.happen(step, START_BY_MS - 20 + i);
          if (refused) expect(await dump(redis), `a refused ${step.do} changed something`).toEqual(before);
          await observer.look(step);
        }
        await observer.lookBack();
      }),
      { numRuns: 150 },
    );
  });
});
