import type { Redis } from 'ioredis';

/** Everything in Redis but the times at which keys expire. Without DUMP, which the embedded server lacks. */
export async function snapshotOf(redis: Redis): Promise<ReadonlyMap<string, unknown>> {
  const keys = (await redis.keys('*')).toSorted();
  return new Map(await Promise.all(keys.map(async (key) => [key, await valueOf(redis, key)] as const)));
}

async function valueOf(redis: Redis, key: string): Promise<unknown> {
  const type = await redis.type(key);
  switch (type) {
    case 'string':
      return redis.get(key);
    case 'hash':
      return redis.hgetall(key);
    case 'list':
      return redis.lrange(key, 0, -1);
    case 'set':
      return (await redis.smembers(key)).toSorted();
    case 'zset':
      return redis.zrange(key, 0, '-1', 'WITHSCORES');
    case 'stream':
      return redis.xrange(key, '-', '+');
    default:
      throw new Error(`A snapshot knows nothing of the type ${type} of ${key}.`);
  }
}
