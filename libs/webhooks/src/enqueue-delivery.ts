import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Logger } from '#observability';
import { decodeJobRecord, redisKeys } from '#queue';
import { webhookDeliveryOf, type WebhookDelivery } from './webhook-delivery.js';

export interface EnqueueTools {
  readonly queue: Queue<WebhookDelivery>;
  readonly redis: Redis;
  readonly attempts: number;
  readonly logger: Logger;
}

/**
 * Puts the event of a finished job into the delivery queue, if its webhook asks for it. The id is made of job and
 * event, and BullMQ ignores an id that it has; ended deliveries are kept for a while to be recognised, too.
 */
export async function enqueueDelivery(tools: EnqueueTools, jobId: string): Promise<void> {
  const job = decodeJobRecord(await tools.redis.hgetall(redisKeys.job(jobId)));
  if (job === undefined) {
    tools.logger.warn({ jobId }, 'webhook dropped: the job is gone');
    return;
  }
  const delivery = webhookDeliveryOf(job);
  if (delivery === null) return;
  await tools.queue.add(delivery.event, delivery, {
    jobId: delivery.webhookId,
    attempts: tools.attempts,
    backoff: { type: 'custom' },
    removeOnComplete: { age: 3_600, count: 1_000 },
    removeOnFail: { age: 7 * 24 * 3_600, count: 1_000 },
  });
}
