import { Redis } from 'ioredis';
import { connectRedis } from './redis-connection.js';
import type { Logger } from '#observability';

type Listener = (message: string) => void;

/** One connection for all channels of a process. Messages may be lost while it reconnects: readers also poll. */
export interface RedisSubscriber {
  /** Resolves once Redis has confirmed; the result stops listening. A failed subscription is retried on reconnect. */
  listen(channel: string, listener: Listener): Promise<() => void>;
  close(): void;
}

export function createRedisSubscriber(redisUrl: string, logger?: Logger): RedisSubscriber {
  const redis = connectRedis(redisUrl, 'subscriber', logger);
  const listeners = new Map<string, Set<Listener>>();
  redis.on('message', (channel: string, message: string) => {
    for (const listener of listeners.get(channel) ?? []) listener(message);
  });

  return {
    async listen(channel, listener) {
      const current = listeners.get(channel);
      if (current === undefined) listeners.set(channel, new Set([listener]));
      else current.add(listener);
      const stop = () => removeListener(redis, listeners, channel, listener);
      // Asked for every listener, not only the first: its reply says that the channel is heard from here on.
      try {
        if (redis.status === 'ready') await redis.subscribe(channel);
        else redis.subscribe(channel).catch(ignore);
      } catch (error) {
        stop();
        throw error;
      }
      return stop;
    },
    close() {
      listeners.clear();
      redis.disconnect();
    },
  };
}

function removeListener(
  redis: Redis,
  listeners: Map<string, Set<Listener>>,
  channel: string,
  listener: Listener,
): void {
  const left = listeners.get(channel);
  if (left === undefined || !left.delete(listener) || left.size > 0) return;
  listeners.delete(channel);
  redis.unsubscribe(channel).catch(ignore);
}

/** The connection is closing or away; ioredis subscribes again to what is left when it is back. */
function ignore(): void {}
