import type { Queue } from 'bullmq';
import type { JobRecord } from '#contracts';
import type { Logger } from '#observability';
import { webhookDeliveryOf, type WebhookDelivery } from './webhook-delivery.js';

export interface EnqueueTools {
  readonly queue: Queue<WebhookDelivery>;
  readonly readJob: (jobId: string) => Promise<JobRecord | null>;
  readonly attempts: number;
  readonly logger: Logger;
}

/**
 * Puts the event of a finished job into the delivery queue, if its webhook asks for it. The id is made of job and
 * event, and BullMQ ignores an id that it has; ended deliveries are kept for a while to be recognised, too.
 */
export async function enqueueDelivery(tools: EnqueueTools, jobId: string): Promise<void> {
  const job = await tools.readJob(jobId);
  if (job === null) {
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
