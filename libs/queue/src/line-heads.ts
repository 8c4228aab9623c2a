import type { ModelRef } from '#contracts';
import type { Redis } from 'ioredis';
import { redisKeys } from './redis-keys.js';

/** BullMQ's score of a waiting job is `priority * 2^32 + counter`; the counter goes up with every job of the queue. */
export const SCORE_OF_PRIORITY = 2 ** 32;

const PRIORITIES = [1, 2, 3, 4, 5, 6, 7, 8, 9] as const;

/** A job that runs next among those of its class; class 0 are recovered jobs, ahead of all others. */
export interface LineHead {
  readonly jobId: string;
  readonly line: number;
  /** Priority that the job asked for. */
  readonly priority: number;
  readonly queuedAtMs: number;
}

/** The next job of every class in which jobs wait, the best class first. */
export async function lineHeads(redis: Redis, ref: ModelRef): Promise<readonly LineHead[]> {
  const { prioritized, wait } = redisKeys.bull;
  const heads = await Promise.all([
    redis.lindex(wait(ref), -1),
    ...PRIORITIES.map((priority) => firstOfPriority(redis, prioritized(ref), priority)),
  ]);
  return Promise.all(
    heads.flatMap((jobId, line) => (jobId == null ? [] : [describeHead(redis, jobId, line)])),
  );
}

async function firstOfPriority(redis: Redis, key: string, priority: number): Promise<string | undefined> {
  const from = priority * SCORE_OF_PRIORITY;
  const [jobId] = await redis.zrangebyscore(key, from, `(${from + SCORE_OF_PRIORITY}`, 'LIMIT', 0, 1);
  return jobId;
}

async function describeHead(redis: Redis, jobId: string, line: number): Promise<LineHead> {
  const [priority, queuedAtMs] = await redis.hmget(redisKeys.job(jobId), 'priority', 'queuedAtMs');
  return { jobId, line, priority: Number(priority), queuedAtMs: Number(queuedAtMs) };
}
