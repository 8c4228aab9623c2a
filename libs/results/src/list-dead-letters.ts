import { redisKeys } from '#queue';
import type { Redis } from 'ioredis';
import { readJobs } from './list-jobs.js';
import type { DeadLettersQuery, JobPage } from './results.types.js';

interface DeadLetter {
  readonly atMs: number;
  readonly jobId: string;
}

/** A page of a tenant's quarantined jobs, the latest first. A cursor is `<time>_<job id>`: it outlives its job. */
export async function listDeadLetters(redis: Redis, query: DeadLettersQuery): Promise<JobPage> {
  const { tenant, limit } = query;
  // One more than the page holds tells whether there is another page.
  const letters = await lettersAfter(redis, redisKeys.deadLetters(tenant), query.after, limit + 1);
  const page = letters.slice(0, limit);
  const jobs = await readJobs(
    redis,
    tenant,
    page.map(({ jobId }) => jobId),
  );
  const last = page.at(-1);
  const hasMore = letters.length > limit;
  return { jobs, hasMore, nextAfter: hasMore && last !== undefined ? `${last.atMs}_${last.jobId}` : null };
}

/** Quarantined jobs of all these tenants together. */
export async function countDeadLetters(redis: Redis, tenants: readonly string[]): Promise<number> {
  const counts = await Promise.all(tenants.map((tenant) => redis.zcard(redisKeys.deadLetters(tenant))));
  return counts.reduce((sum, count) => sum + count, 0);
}

async function lettersAfter(
  redis: Redis,
  key: string,
  cursor: string | undefined,
  count: number,
): Promise<DeadLetter[]> {
  if (cursor === undefined) return toLetters(await redis.zrevrange(key, 0, count - 1, 'WITHSCORES'));
  const { atMs, jobId } = parseCursor(cursor);
  const [sameTime, earlier] = await Promise.all([
    redis.zrangebyscore(key, atMs, atMs, 'WITHSCORES'),
    redis.zrevrangebyscore(key, `(${atMs}`, '-inf', 'WITHSCORES', 'LIMIT', 0, count),
  ]);
  const rest = toLetters(sameTime).filter((letter) => letter.jobId < jobId);
  return [...rest.toReversed(), ...toLetters(earlier)].slice(0, count);
}

/** A cursor that is none of ours is like one before all. */
function parseCursor(cursor: string): DeadLetter {
  const [atMs = '', ...jobId] = cursor.split('_');
  return { atMs: Number(atMs) || 0, jobId: jobId.join('_') };
}

function toLetters(flat: readonly string[]): DeadLetter[] {
  const letters: DeadLetter[] = [];
  for (let i = 0; i + 1 < flat.length; i += 2)
    letters.push({ jobId: flat[i] ?? '', atMs: Number(flat[i + 1]) });
  return letters;
}
