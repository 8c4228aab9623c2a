import { randomBytes } from 'node:crypto';
import { FINAL_EVENT_TYPES, type JobRecord, type WebhookEventType } from '#contracts';
import type { OutboxEntry } from '#queue';

/** What endpoints are tested with; its data names the endpoint. */
export const TEST_EVENT_TYPE = 'endpoint.test';
export type DeliveredEventType = WebhookEventType | typeof TEST_EVENT_TYPE;

/** Where a delivery goes. An endpoint's URL and secrets are read at each attempt, so that changes reach those on their way. */
export type DeliveryDestination =
  /** The job's own webhook. Without a secret of its own, the service's is used. */
  | { readonly kind: 'job'; readonly url: string; readonly secret: string | null }
  | { readonly kind: 'endpoint'; readonly endpointId: string };

/**
 * One event for one destination, complete: it outlives the job's record, whose time to live may be shorter than the
 * three days of attempts.
 */
export interface WebhookDelivery {
  readonly tenant: string;
  /** Names the event in every attempt and to every destination. */
  readonly webhookId: string;
  /** Null of a test event. */
  readonly jobId: string | null;
  readonly event: DeliveredEventType;
  readonly body: string;
  readonly to: DeliveryDestination;
}

/** Stable, so that whoever relays an event again names it alike. Without dots: the signed text is `id.timestamp.body`. */
export function webhookIdOf({ jobId, event, generation }: OutboxEntry): string {
  return `evt_${jobId.replace(/^job_/, '')}_${event.slice('job.'.length)}_${generation}`;
}

export function newTestWebhookId(): string {
  return `evt_test_${randomBytes(12).toString('hex')}`;
}

/** Id of the delivery's job in the queue: the same event goes to the same destination once. */
export function deliveryIdOf({ webhookId, to }: Pick<WebhookDelivery, 'webhookId' | 'to'>): string {
  return `${webhookId}-${to.kind === 'job' ? 'job' : to.endpointId}`;
}

/** Id for sending a delivery once more, beside all earlier ones. */
export function redeliveryIdOf(deliveryId: string): string {
  return `${rootDeliveryId(deliveryId)}-r${randomBytes(6).toString('hex')}`;
}

/** Id of the delivery that this one repeats; its own where it is the first. */
export function rootDeliveryId(deliveryId: string): string {
  return deliveryId.replace(/-r[0-9a-f]{12}$/, '');
}

/** Where a job's event goes: its own webhook, if that wants the event, and the endpoints that do. */
export function destinationsOf(
  { webhook }: Pick<JobRecord, 'webhook'>,
  event: WebhookEventType,
  endpoints: readonly { readonly id: string }[],
): readonly DeliveryDestination[] {
  const standing = endpoints.map(({ id }) => ({ kind: 'endpoint', endpointId: id }) as const);
  const wanted: readonly WebhookEventType[] = webhook?.events ?? FINAL_EVENT_TYPES;
  if (webhook === null || !wanted.includes(event)) return standing;
  return [{ kind: 'job', url: webhook.url, secret: webhook.secret ?? null }, ...standing];
}
