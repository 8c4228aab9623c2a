import type { ApiMetrics, Logger } from '#observability';
import type { WebhookSender } from './deliver-webhook.js';
import type { DeliveryLog, DeliveryLogEntry, DeliveryAttempt } from './delivery-log.js';
import type { DeliveryOutcome } from './delivery-outcome.js';
import type { EndpointStore } from './endpoint-store.js';
import type { ClosedTarget, OpenTarget } from './find-target.js';
import { planNextStep, type NextStep, type RetrySchedule } from './retry-schedule.js';
import type { ServiceSecret } from './service-secret.js';
import { signWebhook } from './sign-webhook.js';
import type { WebhookDelivery } from './webhook-delivery.js';

export interface DeliveryTools {
  readonly sender: WebhookSender;
  readonly secret: ServiceSecret;
  readonly endpoints: EndpointStore;
  readonly log: DeliveryLog;
  readonly schedule: RetrySchedule;
  readonly metrics: Pick<ApiMetrics, 'webhookDeliveries'>;
  readonly logger: Logger;
}

/** One attempt to come: which delivery, under which id in the queue, for which time (1 = first). */
export interface AttemptPlan {
  readonly deliveryId: string;
  readonly delivery: WebhookDelivery;
  readonly attempt: number;
}

export interface AttemptResult {
  readonly entry: DeliveryLogEntry;
  readonly next: NextStep;
}

/** Makes an attempt, records it and says what follows. Rejects only when `signal` aborts or Redis is away. */
export async function attemptDelivery(
  tools: DeliveryTools,
  plan: AttemptPlan,
  { url, secrets }: OpenTarget,
  signal?: AbortSignal,
): Promise<AttemptResult> {
  const { webhookId, body } = plan.delivery;
  const startedAtMs = Date.now();
  const headers = signWebhook(webhookId, startedAtMs, body, secrets);
  const outcome = await tools.sender.send({ url, body, headers }, signal);
  return conclude(tools, plan, url, startedAtMs, outcome);
}

/** Ends a delivery whose destination takes no more. */
export function endClosedDelivery(
  tools: DeliveryTools,
  plan: AttemptPlan,
  { url, reason }: ClosedTarget,
): Promise<AttemptResult> {
  return conclude(tools, plan, url, Date.now(), { kind: 'refused', reason });
}

async function conclude(
  tools: DeliveryTools,
  { deliveryId, delivery, attempt }: AttemptPlan,
  url: string | null,
  startedAtMs: number,
  outcome: DeliveryOutcome,
): Promise<AttemptResult> {
  const { tenant, webhookId, event, jobId, to } = delivery;
  const endedAtMs = Date.now();
  const next = planNextStep(tools.schedule, attempt, outcome, Math.random());
  const made: DeliveryAttempt = {
    deliveryId,
    webhookId,
    event,
    jobId,
    endpointId: to.kind === 'endpoint' ? to.endpointId : null,
    host: url === null ? null : new URL(url).host,
    attempt,
    at: new Date(startedAtMs).toISOString(),
    durationMs: endedAtMs - startedAtMs,
    ...describeOutcome(outcome, next),
    nextAttemptAt: next.kind === 'retry' ? new Date(endedAtMs + next.delayMs).toISOString() : null,
  };
  const level = made.outcome === 'delivered' ? 'info' : 'warn';
  tools.logger[level](made, 'webhook attempt');
  tools.metrics.webhookDeliveries.inc({ outcome: made.outcome });
  return { entry: await record(tools, tenant, made, outcome.kind), next };
}

function describeOutcome(
  outcome: DeliveryOutcome,
  next: NextStep,
): Pick<DeliveryAttempt, 'outcome' | 'statusCode' | 'reason'> {
  switch (outcome.kind) {
    case 'delivered':
      return { outcome: 'delivered', statusCode: outcome.statusCode, reason: null };
    case 'gone':
      return { outcome: 'gave_up', statusCode: outcome.statusCode, reason: 'answered 410' };
    case 'refused':
      return { outcome: 'refused', statusCode: null, reason: outcome.reason };
    case 'failed':
      return {
        outcome: next.kind === 'retry' ? 'retry' : 'gave_up',
        statusCode: outcome.statusCode,
        reason: outcome.reason,
      };
    default:
      return outcome satisfies never;
  }
}

async function record(
  { endpoints, log, logger }: DeliveryTools,
  tenant: string,
  made: DeliveryAttempt,
  outcome: DeliveryOutcome['kind'],
): Promise<DeliveryLogEntry> {
  try {
    const { endpointId } = made;
    const isKept =
      endpointId === null || (await endpoints.noteAttempt(tenant, endpointId, outcome, Date.now()));
    // The log of a deleted endpoint went with it.
    const entry = await log.append(isKept ? made : { ...made, endpointId: null });
    return { ...entry, endpointId };
  } catch (cause) {
    // The receiver has the event by now; failing here would send it again.
    logger.error({ deliveryId: made.deliveryId, err: cause }, 'webhook attempt could not be logged in Redis');
    return { id: '', ...made };
  }
}
