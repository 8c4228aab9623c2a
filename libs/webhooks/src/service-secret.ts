import type { Redis } from 'ioredis';
import type { Logger } from '#observability';
import { redisKeys } from '#queue';
import { generateWebhookSecret } from './sign-webhook.js';

/**
 * The secret for webhooks that bring none of their own. One that is configured wins; otherwise one is generated
 * once and kept in Redis, so that all replicas sign alike and a restart changes nothing.
 */
export class ServiceSecret {
  #known: string | undefined;

  constructor(
    private readonly redis: Redis,
    private readonly logger: Logger,
    configured?: string,
  ) {
    this.#known = configured;
  }

  async get(): Promise<string> {
    this.#known ??= await this.#fromRedis();
    return this.#known;
  }

  async #fromRedis(): Promise<string> {
    const mine = generateWebhookSecret();
    const stored = await this.redis.set(redisKeys.webhookSecret, mine, 'NX');
    if (stored === 'OK') {
      this.logger.warn(
        { key: redisKeys.webhookSecret },
        'DROVER_WEBHOOK_SECRET is not set: generated one and kept it in Redis under this key',
      );
      return mine;
    }
    const theirs = await this.redis.get(redisKeys.webhookSecret);
    if (theirs === null)
      throw new Error(`Redis lost ${redisKeys.webhookSecret} between two commands; try again`);
    return theirs;
  }
}
