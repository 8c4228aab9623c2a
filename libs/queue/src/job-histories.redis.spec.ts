import { isFinalJobStatus, mayFollow, type JobStatus } from '#contracts';
import { newTestJob, startTestRedis, succeededAttempt, type TestRedis } from '#testing';
import * as fc from 'fast-check';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isDoneEventId } from './event-ids.js';
import { RedisJobLifecycle } from './job-lifecycle.js';
import type { AttemptLease, NewJob } from './queue.types.js';
import { connectRedis } from './redis-connection.js';
import { redisKeys } from './redis-keys.js';
import { storedValue } from './stored-value.js';

/** One thing that can happen to a job. `attempt` picks any attempt so far: the holder or a stale one. */
type Happening =
  | { readonly do: 'take' | 'lose-lock' | 'cancel' | 'requeue' | 'expire' }
  | { readonly do: 'start' | 'append' | 'finish' | 'hand-back'; readonly attempt: number };

const START_BY_MS = 5_000;

const happenings: fc.Arbitrary<Happening[]> = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant('take' as const) }),
    fc.record({
      do: fc.constantFrom('lose-lock' as const, 'cancel', 'requeue', 'expire'),
    }),
    fc.record({
      do: fc.constantFrom('start' as const, 'start', 'append', 'append', 'finish', 'hand-back'),
      attempt: fc.nat({ max: 7 }),
    }),
  ),
  { minLength: 5, maxLength: 40 },
);

/** Lets things happen to one job, with BullMQ's part (who has the lock) played by hand. */
class History {
  readonly leases: AttemptLease[] = [];
  /** Texts whose finish was answered with `written`. */
  readonly written = new Set<string>();
  readonly #started = new Set<AttemptLease>();
  #sequence = 0;

  constructor(
    readonly job: NewJob,
    readonly redis: Redis,
    readonly lifecycle: RedisJobLifecycle,
  ) {}

  async happen(happening: Happening, nowMs: number): Promise<void> {
    const { job, lifecycle, redis } = this;
    const ref = { jobId: job.id, model: job.model, variant: job.variant };
    const lockKey = redisKeys.bull.lock(job, job.id);
    switch (happening.do) {
      case 'take': {
        const attempt = this.leases.length + 1;
        this.leases.push({ ...ref, attempt, lockToken: `token-${attempt}` });
        await redis.set(lockKey, `token-${attempt}`);
        return;
      }
      case 'lose-lock':
        await redis.del(lockKey);
        return;
      case 'cancel':
        await lifecycle.cancel(job.tenant, ref, nowMs);
        return;
      case 'requeue':
        await lifecycle.requeue(ref, nowMs);
        return;
      case 'expire':
        await lifecycle.expire(ref, nowMs);
        return;
      case 'start':
      case 'append':
      case 'finish':
      case 'hand-back': {
        const lease = this.leases[happening.attempt % Math.max(1, this.leases.length)];
        if (lease !== undefined) await this.#act(happening.do, lease, nowMs);
        return;
      }
      default:
        happening satisfies never;
    }
  }

  async #act(action: 'start' | 'append' | 'finish' | 'hand-back', lease: AttemptLease, nowMs: number) {
    switch (action) {
      case 'start': {
        const outcome = await this.lifecycle.start(lease, nowMs);
        if (outcome.kind === 'started') this.#started.add(lease);
        return outcome;
      }
      case 'append':
        // An attempt has text only once it runs.
        if (!this.#started.has(lease)) return undefined;
        return this.lifecycle.appendTokens([{ lease, sequence: ++this.#sequence, text: 'x', tokenIds: [7] }]);
      case 'finish': {
        const text = `by attempt ${lease.attempt}`;
        const outcome = await this.lifecycle.finish(lease, succeededAttempt(text));
        if (outcome === 'written') this.written.add(text);
        return outcome;
      }
      case 'hand-back':
        return this.lifecycle.handBack(lease, nowMs);
      default:
        return action satisfies never;
    }
  }

  async status(): Promise<JobStatus | null> {
    return storedValue(await this.redis.hget(redisKeys.job(this.job.id), 'status'));
  }
}

describe('any history of a job', () => {
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

  it('moves by legal transitions only, ends at most once, and tells one ordered story', async () => {
    await fc.assert(
      fc.asyncProperty(happenings, async (steps) => {
        await redis.flushall();
        const job = newTestJob({ startByMs: START_BY_MS, webhook: { url: 'https://example.com' } });
        const history = new History(job, redis, new RedisJobLifecycle(redis));
        await history.lifecycle.submit(job, 10);

        let before = await history.status();
        for (const [i, step] of steps.entries()) {
          await history.happen(step, START_BY_MS - 20 + i);
          const after = await history.status();
          // A lost attempt and the next start are two moves in one script, by way of `queued`.
          const legal = before === after || (before !== null && after !== null && mayFollow(before, after));
          expect(legal, `${before} to ${after} by ${step.do}`).toBe(true);
          before = after;
        }

        const entries = await redis.xrange(redisKeys.events(job.id), '-', '+');
        const ids = entries.map(([id]) => id.split('-').map(Number));
        const ascending = ids.every(
          ([attempt = 0, n = 0], i) =>
            i === 0 ||
            attempt > (ids[i - 1]?.[0] ?? 0) ||
            (attempt === ids[i - 1]?.[0] && n > (ids[i - 1]?.[1] ?? 0)),
        );
        expect(ascending).toBe(true);

        const ended = before !== null && isFinalJobStatus(before);
        const done = entries.filter(([id]) => isDoneEventId(id));
        expect(done).toHaveLength(ended ? 1 : 0);
        expect(isDoneEventId(entries.at(-1)?.[0] ?? '')).toBe(ended);
        expect(await redis.lrange(redisKeys.webhookOutbox, 0, -1)).toEqual(
          ended ? [`${job.id} job.${before} 0`] : [],
        );
        expect(await redis.hgetall(redisKeys.finishedJobs)).toEqual(
          ended ? { [`${job.model} ${job.variant} ${before}`]: '1' } : {},
        );

        expect(history.written.size).toBeLessThanOrEqual(1);
        const text = await redis.hget(redisKeys.job(job.id), 'text');
        const streamed = entries.map(([, fields]) => (fields[1] === 'token' ? fields[3] : '')).join('');
        const unattended = ended && streamed !== '' ? streamed : null;
        expect(text).toBe(history.written.values().next().value ?? unattended);
      }),
      { numRuns: 150 },
    );
  });
});
