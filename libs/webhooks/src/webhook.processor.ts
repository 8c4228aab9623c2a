import { Processor, WorkerHost } from '@nestjs/bullmq';
import { Inject } from '@nestjs/common';
import { UnrecoverableError, type Job } from 'bullmq';
import { attemptDelivery, type DeliveryTools } from './attempt-delivery.js';
import type { WebhookDelivery } from './webhook-delivery.js';

export const WEBHOOK_QUEUE = 'webhook';
export const DELIVERY_TOOLS = Symbol('DELIVERY_TOOLS');

/** Deliveries under way at once in one process; a slow receiver holds one of these for its timeout. */
const CONCURRENCY = 32;
/** Wait after a failure of our own (Redis away), which the schedule knows nothing of. */
const OWN_FAILURE_DELAY_MS = 5_000;

/** Tells BullMQ to try again; carries the wait that the schedule chose. */
class TryAgainLater extends Error {
  override readonly name = 'TryAgainLater';

  constructor(readonly delayMs: number) {
    super(`next attempt in ${delayMs} ms`);
  }
}

@Processor(WEBHOOK_QUEUE, {
  concurrency: CONCURRENCY,
  lockDuration: 30_000,
  stalledInterval: 15_000,
  // A delivery is safe to repeat, so processes may die under it as often as they like.
  maxStalledCount: 100,
  settings: {
    backoffStrategy: (_attemptsMade, _type, error) =>
      error instanceof TryAgainLater ? error.delayMs : OWN_FAILURE_DELAY_MS,
  },
})
export class WebhookProcessor extends WorkerHost {
  constructor(@Inject(DELIVERY_TOOLS) private readonly tools: DeliveryTools) {
    super();
  }

  override async process(job: Job<WebhookDelivery>, _token?: string, signal?: AbortSignal): Promise<void> {
    const next = await attemptDelivery(this.tools, job.data, job.attemptsMade + 1, signal);
    switch (next.kind) {
      case 'done':
        return;
      case 'retry':
        throw new TryAgainLater(next.delayMs);
      case 'give-up':
        throw new UnrecoverableError(next.reason);
      default:
        next satisfies never;
    }
  }
}
