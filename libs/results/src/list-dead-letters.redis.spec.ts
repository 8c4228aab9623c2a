import { createLogger } from '#observability';
import { connectRedis, createJobSubmitter, redisKeys, type JobSubmitter } from '#queue';
import { newTestJob, startTestRedis, type TestRedis } from '#testing';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createJobReader } from './job-reader.js';
import type { JobReader } from './results.types.js';

describe('dead letters', () => {
  let server: TestRedis;
  let redis: Redis;
  let submitter: JobSubmitter;
  let reader: JobReader;

  beforeAll(async () => {
    server = await startTestRedis();
    redis = connectRedis(server.url, 'worker');
    submitter = await createJobSubmitter({
      redisUrl: server.url,
      maxQueuedJobs: 100,
      logger: createLogger('test', 'silent'),
    });
    reader = await createJobReader({ redisUrl: server.url });
  });
  afterAll(async () => {
    await Promise.all([submitter.close(), reader.close()]);
    redis.disconnect();
    await server.close();
  });

  /** As the scripts list a job that they quarantine. */
  const quarantine = async (atMs: number, tenant: string) => {
    const { id } = await submitter.submit(newTestJob({ tenant }));
    await redis.zadd(redisKeys.deadLetters(tenant), atMs, id);
    return id;
  };

  it('come page by page, the latest first, also those of one millisecond', async () => {
    const times = [1, 2, 2, 2, 2, 3, 4];
    const ids: string[] = [];
    for (const atMs of times) ids.unshift(await quarantine(atMs, 'pages'));
    const seen: string[] = [];
    let after: string | undefined;
    do {
      const page = await reader.deadLetters({ tenant: 'pages', limit: 2, after });
      expect(page.hasMore).toBe(page.nextAfter !== null);
      seen.push(...page.jobs.map(({ id }) => id));
      after = page.nextAfter ?? undefined;
    } while (after !== undefined);
    expect(seen).toEqual(ids);
  });

  it('go on after a job that has left the list since', async () => {
    const [oldest] = [await quarantine(1, 'leaving'), await quarantine(2, 'leaving')];
    const first = await reader.deadLetters({ tenant: 'leaving', limit: 1 });
    await redis.zrem(redisKeys.deadLetters('leaving'), first.jobs[0]?.id ?? '');
    const second = await reader.deadLetters({ tenant: 'leaving', limit: 1, after: first.nextAfter ?? '' });
    expect(second.jobs.map(({ id }) => id)).toEqual([oldest]);
  });

  it('belong to their tenant, and end after a cursor that is none', async () => {
    await quarantine(1, 'mine');
    expect((await reader.deadLetters({ tenant: 'mine', limit: 5 })).jobs).toHaveLength(1);
    expect((await reader.deadLetters({ tenant: 'theirs', limit: 5 })).jobs).toEqual([]);
    expect((await reader.deadLetters({ tenant: 'mine', limit: 5, after: 'nonsense' })).jobs).toEqual([]);
  });
});
