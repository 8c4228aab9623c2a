import type { JobsOptions, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Logger } from '#observability';
import { readAnnouncedJob, type OutboxEntry } from '#queue';
import type { EndpointStore } from './endpoint-store.js';
import { webhookBodyOf } from './webhook-body.js';
import { deliveryIdOf, destinationsOf, webhookIdOf, type WebhookDelivery } from './webhook-delivery.js';

export interface EnqueueTools {
  readonly queue: Queue<WebhookDelivery>;
  readonly redis: Redis;
  readonly endpoints: EndpointStore;
  readonly attempts: number;
  readonly logger: Logger;
}

/**
 * How long and how many deliveries of each ending the queue keeps: a second relay of their event is recognised by
 * them, and from them they are sent again.
 */
const KEPT_ENDED = { age: 7 * 24 * 3_600, count: 10_000 };

export function deliveryOptions(deliveryId: string, attempts: number): JobsOptions {
  return {
    jobId: deliveryId,
    attempts,
    backoff: { type: 'custom' },
    removeOnComplete: KEPT_ENDED,
    removeOnFail: KEPT_ENDED,
  };
}

/**
 * Puts a job's event into the delivery queue, once for each destination. Their ids are made of event and destination,
 * and BullMQ ignores an id that it has.
 */
export async function enqueueDeliveries(tools: EnqueueTools, entry: OutboxEntry): Promise<void> {
  const job = await readAnnouncedJob(tools.redis, entry);
  if (job === undefined) {
    tools.logger.warn({ ...entry }, 'webhook dropped: the job is gone');
    return;
  }
  const endpoints = await tools.endpoints.subscribersOf(job.tenant, entry.event);
  const destinations = destinationsOf(job, entry.event, endpoints);
  if (destinations.length === 0) return;
  const common = {
    tenant: job.tenant,
    webhookId: webhookIdOf(entry),
    jobId: job.id,
    event: entry.event,
    body: webhookBodyOf(job, entry.event),
  };
  await tools.queue.addBulk(
    destinations.map((to) => {
      const data = { ...common, to };
      return { name: entry.event, data, opts: deliveryOptions(deliveryIdOf(data), tools.attempts) };
    }),
  );
}
