import type { Job, Queue } from 'bullmq';
import { attemptDelivery, type DeliveryTools } from './attempt-delivery.js';
import type { DeliveryLogEntry, DeliveryLogPage, DeliveryLogQuery } from './delivery-log.js';
import { deliveryOptions } from './enqueue-delivery.js';
import { pickRedeliveries, type RedeliveryRange } from './pick-redeliveries.js';
import {
  deliveryIdOf,
  newTestWebhookId,
  redeliveryIdOf,
  TEST_EVENT_TYPE,
  type WebhookDelivery,
} from './webhook-delivery.js';
import { signingSecrets } from './webhook-endpoint.js';

export type RedeliverOutcome =
  /** On its way again, under this delivery id and the same `webhook-id`. */
  | { readonly kind: 'queued'; readonly deliveryId: string }
  /** Waiting or being sent anyway; one that waited for its next attempt need not wait any longer. */
  | { readonly kind: 'under-way'; readonly deliveryId: string }
  /** Not the tenant's, or no longer kept. */
  | { readonly kind: 'not-found' };

export interface RangeRedelivery {
  /** Delivery ids that are on their way now. */
  readonly deliveryIds: readonly string[];
  /** How many are in the log, but are no longer kept. */
  readonly notKept: number;
}

/** A test is one attempt. */
const TEST_SCHEDULE = { delaysMs: [0], jitter: 0 };

/** What became of deliveries, and sending them again. The queue keeps their bodies: the newest 10,000 of each ending. */
export class WebhookDeliveries {
  constructor(
    private readonly queue: Queue<WebhookDelivery>,
    private readonly tools: DeliveryTools,
  ) {}

  /** Attempts to tell a job's events, to its own webhook and to endpoints. The caller checks whose job it is. */
  ofJob(jobId: string, query: DeliveryLogQuery): Promise<DeliveryLogPage> {
    return this.tools.log.read(jobId, query);
  }

  /** Undefined where the tenant has no such endpoint. */
  async ofEndpoint(
    tenant: string,
    endpointId: string,
    query: DeliveryLogQuery,
  ): Promise<DeliveryLogPage | undefined> {
    const endpoint = await this.tools.endpoints.get(tenant, endpointId);
    return endpoint && this.tools.log.read(endpointId, query);
  }

  async redeliver(tenant: string, deliveryId: string): Promise<RedeliverOutcome> {
    const job = await this.queue.getJob(deliveryId);
    if (job?.data.tenant !== tenant) return { kind: 'not-found' };
    if (await isUnderWay(job)) return { kind: 'under-way', deliveryId };
    const id = redeliveryIdOf(deliveryId);
    await this.queue.add(job.name, job.data, deliveryOptions(id, this.tools.schedule.delaysMs.length));
    return { kind: 'queued', deliveryId: id };
  }

  /** Sends what the endpoint's log has in a time range again. Undefined where the tenant has no such endpoint. */
  async redeliverRange(
    tenant: string,
    endpointId: string,
    range: RedeliveryRange,
  ): Promise<RangeRedelivery | undefined> {
    if ((await this.tools.endpoints.get(tenant, endpointId)) === undefined) return undefined;
    const picked = pickRedeliveries(await this.tools.log.since(endpointId, range.sinceMs), range);
    const deliveryIds: string[] = [];
    for (const id of picked) {
      const outcome = await this.redeliver(tenant, id);
      if (outcome.kind !== 'not-found') deliveryIds.push(outcome.deliveryId);
    }
    return { deliveryIds, notKept: picked.length - deliveryIds.length };
  }

  /**
   * Sends an `endpoint.test` event at once, to a disabled endpoint too, and answers with its log entry. One attempt;
   * resolves within the timeout of a delivery. Undefined where the tenant has no such endpoint.
   */
  async sendTest(tenant: string, endpointId: string): Promise<DeliveryLogEntry | undefined> {
    const endpoint = await this.tools.endpoints.get(tenant, endpointId);
    if (endpoint === undefined) return undefined;
    const nowMs = Date.now();
    const delivery: WebhookDelivery = {
      tenant,
      webhookId: newTestWebhookId(),
      jobId: null,
      event: TEST_EVENT_TYPE,
      body: JSON.stringify({
        type: TEST_EVENT_TYPE,
        timestamp: new Date(nowMs).toISOString(),
        data: { endpoint_id: endpointId },
      }),
      to: { kind: 'endpoint', endpointId },
    };
    const { entry } = await attemptDelivery(
      { ...this.tools, schedule: TEST_SCHEDULE },
      { deliveryId: deliveryIdOf(delivery), delivery, attempt: 1 },
      { kind: 'open', url: endpoint.url, secrets: signingSecrets(endpoint, nowMs) },
    );
    return entry;
  }
}

async function isUnderWay(job: Job): Promise<boolean> {
  const state = await job.getState();
  if (state === 'completed' || state === 'failed') return false;
  // Another process may take it in this moment, which is as good.
  if (state === 'delayed') await job.promote().catch(() => undefined);
  return true;
}
