import { HEARTBEAT_TTL_MS, type WorkerHeartbeat } from '#contracts';
import type { Redis } from 'ioredis';
import { redisKeys } from './redis-keys.js';
import { storedValue } from './stored-value.js';

/** Ids of workers that fell silent long ago leave the index then. */
const INDEX_KEPT_MS = 10 * HEARTBEAT_TTL_MS;

/**
 * While Redis is away nothing is sent: a heartbeat that waits for it would be stale.
 * @returns whether Redis has taken it.
 */
export async function publishHeartbeat(redis: Redis, heartbeat: WorkerHeartbeat): Promise<boolean> {
  if (redis.status !== 'ready') return false;
  const { workerId, lastSeenMs } = heartbeat;
  await redis
    .multi()
    .set(redisKeys.worker(workerId), JSON.stringify(heartbeat), 'PX', HEARTBEAT_TTL_MS)
    .zadd(redisKeys.workers, lastSeenMs, workerId)
    .zremrangebyscore(redisKeys.workers, 0, lastSeenMs - INDEX_KEPT_MS)
    .exec();
  return true;
}

/** While Redis is away nothing is sent: the heartbeat runs out by itself. */
export async function withdrawHeartbeat(redis: Redis, workerId: string): Promise<void> {
  if (redis.status !== 'ready') return;
  await redis.multi().del(redisKeys.worker(workerId)).zrem(redisKeys.workers, workerId).exec();
}

/** Workers whose heartbeat has not run out, by Redis' clock: clocks of hosts may differ. */
export async function liveWorkers(redis: Redis, nowMs: number): Promise<readonly WorkerHeartbeat[]> {
  const ids = await redis.zrangebyscore(redisKeys.workers, nowMs - INDEX_KEPT_MS, '+inf');
  if (ids.length === 0) return [];
  const heartbeats = await redis.mget(...ids.map((id) => redisKeys.worker(id)));
  return heartbeats.flatMap((json) =>
    json === null ? [] : [storedValue<WorkerHeartbeat>(JSON.parse(json))],
  );
}
