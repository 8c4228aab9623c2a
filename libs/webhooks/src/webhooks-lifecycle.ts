import { setTimeout as sleep } from 'node:timers/promises';
import { getQueueToken } from '@nestjs/bullmq';
import {
  Inject,
  Injectable,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import type { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import type { Logger } from '#observability';
import type { DeliveryTools } from './attempt-delivery.js';
import { WebhookOutbox } from './webhook-outbox.js';
import { DELIVERY_TOOLS, WEBHOOK_QUEUE, WebhookProcessor } from './webhook.processor.js';

export const WEBHOOKS_REDIS = Symbol('WEBHOOKS_REDIS');
export const WEBHOOKS_LOGGER = Symbol('WEBHOOKS_LOGGER');

/** Attempts under way get this long at shutdown; what is cut off is made again by another process. */
const DRAIN_WITHIN_MS = 5_000;

/** Starts the relay with the application and closes everything of this module, in order, before it ends. */
@Injectable()
export class WebhooksLifecycle implements OnApplicationBootstrap, BeforeApplicationShutdown {
  constructor(
    @Inject(WEBHOOKS_REDIS) private readonly redis: Redis,
    @Inject(WEBHOOKS_LOGGER) private readonly logger: Logger,
    @Inject(DELIVERY_TOOLS) private readonly tools: DeliveryTools,
    @Inject(getQueueToken(WEBHOOK_QUEUE)) private readonly queue: Queue,
    private readonly outbox: WebhookOutbox,
    private readonly processor: WebhookProcessor,
  ) {}

  onApplicationBootstrap(): void {
    // An `error` event without a listener ends the process; a lost Redis comes back by itself.
    const note = (error: Error) => this.logger.debug({ err: error }, 'webhooks: Redis');
    this.queue.on('error', note);
    this.processor.worker.on('error', note);
    this.outbox.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.outbox.close();
    const { worker } = this.processor;
    // Only a forced close ends while Redis is away, and only the first call counts: hence the pause before it.
    if (this.redis.status === 'ready') {
      await Promise.race([worker.pause(), sleep(DRAIN_WITHIN_MS, undefined, { ref: false })]);
    }
    worker.cancelAllJobs('shutdown');
    await worker.close(true);
    await this.tools.sender.close();
    this.redis.disconnect();
  }
}
