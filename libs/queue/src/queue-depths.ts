import type { FinalJobStatus } from '#contracts';
import type { Redis } from 'ioredis';
import { lineHeads } from './line-heads.js';
import type { FinishedJobs, QueueDepth } from './queue.types.js';
import { redisKeys } from './redis-keys.js';
import { storedValue } from './stored-value.js';

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
  const [[jobs, tokens], active, heads] = await Promise.all([
    redis.hmget(redisKeys.load(ref), 'jobs', 'tokens'),
    redis.llen(redisKeys.bull.active(ref)),
    lineHeads(redis, ref),
  ]);
  const ages = heads.map(({ queuedAtMs }) => Math.max(0, nowMs - queuedAtMs));
  return {
    model,
    variant,
    waiting: Number(jobs ?? 0),
    waitingTokens: Number(tokens ?? 0),
    active,
    oldestWaitingMs: ages.length === 0 ? null : Math.max(...ages),
  };
}
