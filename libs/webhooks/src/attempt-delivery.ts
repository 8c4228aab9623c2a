import type { ApiMetrics, Logger } from '#observability';
import type { WebhookSender } from './deliver-webhook.js';
import type { DeliveryOutcome } from './delivery-outcome.js';
import type { DeliveryLog, DeliveryLogEntry } from './delivery-log.js';
import { planNextStep, type NextStep, type RetrySchedule } from './retry-schedule.js';
import type { ServiceSecret } from './service-secret.js';
import { signWebhook } from './sign-webhook.js';
import type { WebhookDelivery } from './webhook-delivery.js';

export interface DeliveryTools {
  readonly sender: WebhookSender;
  readonly secret: ServiceSecret;
  readonly log: DeliveryLog;
  readonly schedule: RetrySchedule;
  readonly metrics: Pick<ApiMetrics, 'webhookDeliveries'>;
  readonly logger: Logger;
}

/** Makes attempt number `attempt` (1 = first) of a delivery, records it and says what follows. */
export async function attemptDelivery(
  tools: DeliveryTools,
  delivery: WebhookDelivery,
  attempt: number,
  signal?: AbortSignal,
): Promise<NextStep> {
  const startedAtMs = Date.now();
  const secret = delivery.secret ?? (await tools.secret.get());
  const headers = signWebhook(delivery.webhookId, startedAtMs, delivery.body, secret);
  const outcome = await tools.sender.send({ url: delivery.url, body: delivery.body, headers }, signal);
  const next = planNextStep(tools.schedule, attempt, outcome, Math.random());

  const entry: DeliveryLogEntry = {
    webhookId: delivery.webhookId,
    event: delivery.event,
    attempt,
    at: new Date(startedAtMs).toISOString(),
    durationMs: Date.now() - startedAtMs,
    ...describeAttempt(outcome, next),
  };
  await record(tools, delivery.jobId, entry);
  return next;
}

function describeAttempt(
  outcome: DeliveryOutcome,
  next: NextStep,
): Pick<DeliveryLogEntry, 'outcome' | 'statusCode' | 'reason'> {
  const ending = next.kind === 'retry' ? 'retry' : 'gave_up';
  switch (outcome.kind) {
    case 'delivered':
      return { outcome: 'delivered', statusCode: outcome.statusCode, reason: null };
    case 'gone':
      return { outcome: 'gave_up', statusCode: outcome.statusCode, reason: 'answered 410' };
    case 'refused':
      return { outcome: 'refused', statusCode: null, reason: outcome.reason };
    case 'failed':
      return { outcome: ending, statusCode: outcome.statusCode, reason: outcome.reason };
    default:
      return outcome satisfies never;
  }
}

async function record(tools: DeliveryTools, jobId: string, entry: DeliveryLogEntry): Promise<void> {
  tools.metrics.webhookDeliveries.inc({ outcome: entry.outcome });
  const level = entry.outcome === 'delivered' ? 'info' : 'warn';
  tools.logger[level]({ jobId, ...entry }, 'webhook attempt');
  try {
    await tools.log.append(jobId, entry);
  } catch (cause) {
    // The receiver has the event by now; failing here would send it again.
    tools.logger.error({ jobId, err: cause }, 'webhook attempt could not be logged in Redis');
  }
}
