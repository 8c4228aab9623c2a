import { BullModule, getQueueToken } from '@nestjs/bullmq';
import { Module, type DynamicModule } from '@nestjs/common';
import type { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import type { ApiMetrics, Logger } from '#observability';
import { BULL_PREFIX, connectRedis, parseOutboxEntry } from '#queue';
import type { DeliveryTools } from './attempt-delivery.js';
import { createWebhookSender } from './deliver-webhook.js';
import { DeliveryLog } from './delivery-log.js';
import { DestinationWall, type WallOptions } from './destination-wall.js';
import { EndpointStore } from './endpoint-store.js';
import { enqueueDeliveries } from './enqueue-delivery.js';
import { HostSlots } from './host-slots.js';
import { STANDARD_RETRY_SCHEDULE, type RetrySchedule } from './retry-schedule.js';
import { ServiceSecret } from './service-secret.js';
import { WebhookDeliveries } from './webhook-deliveries.js';
import type { WebhookDelivery } from './webhook-delivery.js';
import { WebhookOutbox } from './webhook-outbox.js';
import { DELIVERY_TOOLS, WEBHOOK_QUEUE, WebhookProcessor } from './webhook.processor.js';
import { WEBHOOKS_LOGGER, WEBHOOKS_REDIS, WebhooksLifecycle } from './webhooks-lifecycle.js';

export interface WebhooksOptions extends WallOptions {
  readonly redisUrl: string;
  /** `DROVER_WEBHOOK_SECRET`; without it one is generated and kept in Redis. */
  readonly secret?: string | undefined;
  /** `DROVER_WEBHOOK_TIMEOUT_MS` */
  readonly timeoutMs: number;
  /** `DROVER_WEBHOOK_PER_HOST`: most deliveries to one host at once, by one process. */
  readonly perHost?: number;
  readonly metrics: Pick<ApiMetrics, 'webhookDeliveries'>;
  readonly logger: Logger;
  /** Default: the schedule of Standard Webhooks. */
  readonly schedule?: RetrySchedule;
}

const DEFAULT_PER_HOST = 4;

/**
 * Delivers the events of jobs: a relay from the outbox to the queue `webhook`, and a worker for that queue. Any number
 * of replicas may run it. Exports what routes need: `EndpointStore`, `WebhookDeliveries`, `DestinationWall`.
 */
@Module({})
export class WebhooksModule {
  static forRoot(options: WebhooksOptions): DynamicModule {
    const { redisUrl, logger } = options;
    const schedule = options.schedule ?? STANDARD_RETRY_SCHEDULE;
    return {
      module: WebhooksModule,
      imports: [
        BullModule.registerQueue({
          name: WEBHOOK_QUEUE,
          prefix: BULL_PREFIX,
          connection: { url: redisUrl },
          streams: { events: { maxLen: 1_000 } },
        }),
      ],
      providers: [
        {
          provide: WEBHOOKS_REDIS,
          useFactory: () => connectRedis(redisUrl, 'worker', logger),
        },
        {
          provide: DeliveryLog,
          useFactory: (redis: Redis) => new DeliveryLog(redis),
          inject: [WEBHOOKS_REDIS],
        },
        {
          provide: EndpointStore,
          useFactory: (redis: Redis) => new EndpointStore(redis),
          inject: [WEBHOOKS_REDIS],
        },
        { provide: DestinationWall, useFactory: () => new DestinationWall(options) },
        { provide: HostSlots, useFactory: () => new HostSlots(options.perHost ?? DEFAULT_PER_HOST) },
        {
          provide: DELIVERY_TOOLS,
          useFactory: (
            redis: Redis,
            wall: DestinationWall,
            endpoints: EndpointStore,
            log: DeliveryLog,
          ): DeliveryTools => ({
            sender: createWebhookSender({ wall, timeoutMs: options.timeoutMs }),
            secret: new ServiceSecret(redis, logger, options.secret),
            endpoints,
            log,
            schedule,
            metrics: options.metrics,
            logger,
          }),
          inject: [WEBHOOKS_REDIS, DestinationWall, EndpointStore, DeliveryLog],
        },
        {
          provide: WebhookDeliveries,
          useFactory: (queue: Queue<WebhookDelivery>, tools: DeliveryTools) =>
            new WebhookDeliveries(queue, tools),
          inject: [getQueueToken(WEBHOOK_QUEUE), DELIVERY_TOOLS],
        },
        {
          provide: WebhookOutbox,
          useFactory: (redis: Redis, endpoints: EndpointStore, queue: Queue<WebhookDelivery>) => {
            const tools = { queue, redis, endpoints, attempts: schedule.delaysMs.length, logger };
            return new WebhookOutbox({
              redis,
              blocking: connectForBlockingReads(redisUrl),
              enqueue: (entry) => enqueueDeliveries(tools, parseOutboxEntry(entry)),
              logger,
            });
          },
          inject: [WEBHOOKS_REDIS, EndpointStore, getQueueToken(WEBHOOK_QUEUE)],
        },
        WebhookProcessor,
        { provide: WEBHOOKS_LOGGER, useValue: logger },
        WebhooksLifecycle,
      ],
      exports: [DestinationWall, EndpointStore, WebhookDeliveries],
    };
  }
}

/** Reads wait for a lost Redis to come back; the socket's timeout notices a link that died without a word. */
function connectForBlockingReads(redisUrl: string): Redis {
  const redis = new Redis(redisUrl, { maxRetriesPerRequest: null, socketTimeout: 15_000 });
  // Outages are told by the connection for commands.
  return redis.on('error', () => undefined);
}
