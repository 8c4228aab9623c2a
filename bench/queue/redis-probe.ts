import { setTimeout as sleep } from 'node:timers/promises';
import type { ModelRef } from '#contracts';
import { connectRedis, redisKeys } from '#queue';

const POLL_MS = 200;
const SETTLES_WITHIN_MS = 60_000;

/** What a queue looks like from Redis' side. */
export class RedisProbe {
  readonly #redis;

  constructor(redisUrl: string) {
    this.#redis = connectRedis(redisUrl, 'worker');
  }

  /** Bytes in use once no rewrite of the append-only file is under way. */
  async usedBytes(signal: AbortSignal): Promise<number> {
    const giveUpAtMs = performance.now() + SETTLES_WITHIN_MS;
    for (;;) {
      const info = await this.#redis.info();
      if (!/aof_rewrite_(in_progress|scheduled):1/.test(info)) {
        return Number(/^used_memory:(\d+)/m.exec(info)?.[1]);
      }
      if (performance.now() > giveUpAtMs) throw new Error('Redis did not end the rewrite of its log.');
      await sleep(POLL_MS, undefined, { signal });
    }
  }

  /** User and system time of the thread that runs commands. */
  async cpuMs(): Promise<number> {
    const info = await this.#redis.info('cpu');
    const seconds = info.matchAll(/used_cpu_(?:user|sys)_main_thread:([\d.]+)/g);
    return [...seconds].reduce((sum, [, text]) => sum + Number(text) * 1000, 0);
  }

  /** Jobs that ended well, as the finish script counts them. */
  async succeeded({ model, variant }: ModelRef): Promise<number> {
    return Number(await this.#redis.hget(redisKeys.finishedJobs, `${model} ${variant} succeeded`));
  }

  close(): void {
    this.#redis.disconnect();
  }
}
