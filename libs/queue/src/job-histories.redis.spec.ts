import { newTestJob, startTestRedis, type TestRedis } from '#testing';
import * as fc from 'fast-check';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { happenings, JobHistory } from './job-history.fixture.js';
import { JobWitness } from './job-witness.fixture.js';
import type { NewJob } from './queue.types.js';
import { connectRedis } from './redis-connection.js';
import { snapshotOf } from './redis-snapshot.fixture.js';

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
        const witness = new JobWitness(history, redis);
        for (const [i, step] of steps.entries()) {
          const before = await snapshotOf(redis);
          const refused = await history.happen(step, START_BY_MS - 20 + i);
          const after = refused ? await snapshotOf(redis) : before;
          expect(after, `a refused ${step.do} changed something`).toEqual(before);
          await witness.look(step);
        }
        await witness.lookBack();
      }),
      { numRuns: 300 },
    );
  });
});
