import type { ModelRef } from '#contracts';
import type { Redis } from 'ioredis';
import type { RedisJobLifecycle } from '../job-lifecycle.js';
import { lineHeads } from '../line-heads.js';
import { LINE_CLASSES } from '../load/queue-load.js';
import { redisKeys } from '../redis-keys.js';
import { planAgeing } from './plan-ageing.js';

/** Moves jobs that are overtaken for too long to better classes, in all queues. Returns how many have moved. */
export async function ageQueues(redis: Redis, lifecycle: RedisJobLifecycle, nowMs: number): Promise<number> {
  const queues = await redis.smembers(redisKeys.queues);
  let moved = 0;
  for (const member of queues) {
    const [model = '', variant = ''] = member.split(' ');
    moved += await ageQueue(redis, lifecycle, { model, variant }, nowMs);
  }
  return moved;
}

/** Reads the load and one job of each class: the cost does not grow with the line. */
async function ageQueue(
  redis: Redis,
  lifecycle: RedisJobLifecycle,
  ref: ModelRef,
  nowMs: number,
): Promise<number> {
  const load = redisKeys.load(ref);
  const jobs = await redis.hmget(load, ...LINE_CLASSES.map((line) => `jobs:${line}`));
  if (jobs.filter((count) => Number(count) > 0).length < 2) return 0;
  const aged = await redis.hmget(load, ...LINE_CLASSES.map((line) => `aged:${line}`));
  const plan = planAgeing(await lineHeads(redis, ref), aged.map(Number), nowMs);
  const outcomes = await Promise.all(
    plan.map(({ jobId, from, to }) => lifecycle.age({ ...ref, jobId }, from, to, nowMs)),
  );
  return outcomes.filter((outcome) => outcome === 'aged').length;
}
