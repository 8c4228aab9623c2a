import type { FinalJobStatus, JobRecord } from '#contracts';
import type { Redis } from 'ioredis';
import { jobIdTimeMs } from './job-id.js';
import type { FinishedJobs, QueueDepth } from './queue.types.js';
import { redisKeys } from './redis-keys.js';
import { storedValue } from './stored-value.js';

const PRIORITIES = [1, 2, 3, 4, 5, 6, 7, 8, 9] as const;
/** BullMQ's score is `priority * 2^32 + counter`. */
const SCORE_OF_PRIORITY = 2 ** 32;

/** Place of a waiting job, 1 = next; undefined when it does not wait. Jobs of lost workers go before all others. */
export async function queuePosition(redis: Redis, job: JobRecord): Promise<number | undefined> {
  const { prioritized, wait } = redisKeys.bull;
  const [rank, ahead, index] = await Promise.all([
    redis.zrank(prioritized(job), job.id),
    redis.llen(wait(job)),
    // The list holds recovered jobs only, so it is short; jobs are taken from its tail.
    redis.lpos(wait(job), job.id, 'RANK', -1),
  ]);
  if (rank !== null) return ahead + rank + 1;
  return index === null ? undefined : ahead - index;
}

/** Depth of every queue that ever took a job. */
export async function queueDepths(redis: Redis, nowMs: number): Promise<readonly QueueDepth[]> {
  const queues = await redis.smembers(redisKeys.queues);
  return Promise.all(queues.toSorted().map((member) => depthOf(redis, member, nowMs)));
}

/** Jobs ended since the store was new, by queue and final status; counted by the scripts that end them. */
export async function finishedJobs(redis: Redis): Promise<readonly FinishedJobs[]> {
  const counts = await redis.hgetall(redisKeys.finishedJobs);
  return Object.entries(counts).map(([member, count]) => {
    const [model = '', variant = '', status = ''] = member.split(' ');
    return { model, variant, status: storedValue<FinalJobStatus>(status), count: Number(count) };
  });
}

async function depthOf(redis: Redis, member: string, nowMs: number): Promise<QueueDepth> {
  const [model = '', variant = ''] = member.split(' ');
  const ref = { model, variant };
  const { prioritized, wait, active } = redisKeys.bull;
  const [ranked, recovered, activeCount, oldestRecovered, ...oldestRanked] = await Promise.all([
    redis.zcard(prioritized(ref)),
    redis.llen(wait(ref)),
    redis.llen(active(ref)),
    redis.lrange(wait(ref), -1, -1),
    ...PRIORITIES.map((priority) => oldestOfPriority(redis, prioritized(ref), priority)),
  ]);
  const heads = [oldestRecovered, ...oldestRanked].flat().map(jobIdTimeMs);
  return {
    model,
    variant,
    waiting: ranked + recovered,
    active: activeCount,
    oldestWaitingMs: heads.length === 0 ? null : Math.max(0, nowMs - Math.min(...heads)),
  };
}

function oldestOfPriority(redis: Redis, key: string, priority: number): Promise<string[]> {
  const from = priority * SCORE_OF_PRIORITY;
  return redis.zrangebyscore(key, from, `(${from + SCORE_OF_PRIORITY}`, 'LIMIT', 0, 1);
}
