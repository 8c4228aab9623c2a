import { Processor, WorkerHost } from '@nestjs/bullmq';
import { Inject } from '@nestjs/common';
import { DelayedError, UnrecoverableError, type Job } from 'bullmq';
import { attemptDelivery, endClosedDelivery, type DeliveryTools } from './attempt-delivery.js';
import { findTarget } from './find-target.js';
import { HostSlots } from './host-slots.js';
import type { WebhookDelivery } from './webhook-delivery.js';

export const WEBHOOK_QUEUE = 'webhook';
export const DELIVERY_TOOLS = Symbol('DELIVERY_TOOLS');

/** Deliveries under way at once in one process: so many that dozens of slow hosts leave room for the others. */
const CONCURRENCY = 256;
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
  constructor(
    @Inject(DELIVERY_TOOLS) private readonly tools: DeliveryTools,
    private readonly hosts: HostSlots,
  ) {
    super();
  }

  override async process(job: Job<WebhookDelivery>, token?: string, signal?: AbortSignal): Promise<void> {
    const plan = { deliveryId: job.id ?? '', delivery: job.data, attempt: job.attemptsMade + 1 };
    const target = await findTarget(this.tools, job.data, Date.now());
    if (target.kind === 'closed') {
      await endClosedDelivery(this.tools, plan, target);
      throw new UnrecoverableError(target.reason);
    }
    const turn = this.hosts.take(new URL(target.url).host, Date.now(), Math.random());
    if (turn.kind === 'wait') {
      // Put off without using up an attempt.
      await job.moveToDelayed(Date.now() + turn.delayMs, token);
      throw new DelayedError();
    }
    try {
      const { next } = await attemptDelivery(this.tools, plan, target, signal);
      if (next.kind === 'retry') throw new TryAgainLater(next.delayMs);
      if (next.kind === 'give-up') throw new UnrecoverableError(next.reason);
    } finally {
      turn.leave(Date.now());
    }
  }
}
