import type { DeliveryLogEntry, DeliveryLogPage } from '#webhooks';

/** One attempt to deliver a webhook, as the delivery log has it. */
export interface DeliveryView {
  /** Of this entry; the cursor of pages. */
  readonly id: string;
  readonly object: 'webhook_delivery_attempt';
  /** Names the event and its destination; what `redeliver` takes. */
  readonly delivery_id: string;
  readonly webhook_id: string;
  readonly event: DeliveryLogEntry['event'];
  readonly job_id: string | null;
  /** Null where it went to the job's own webhook. */
  readonly endpoint_id: string | null;
  readonly host: string | null;
  readonly attempt: number;
  readonly at: string;
  readonly duration_ms: number;
  readonly status_code: number | null;
  readonly outcome: DeliveryLogEntry['outcome'];
  readonly error: string | null;
  readonly next_attempt_at: string | null;
}

export interface DeliveryPage {
  readonly object: 'list';
  /** Newest first. */
  readonly data: readonly DeliveryView[];
  readonly first_id: string | null;
  /** `after` of the next page. */
  readonly last_id: string | null;
  readonly has_more: boolean;
}

export function toDeliveryPage({ entries, hasMore }: DeliveryLogPage): DeliveryPage {
  return {
    object: 'list',
    data: entries.map(toDeliveryView),
    first_id: entries.at(0)?.id ?? null,
    last_id: entries.at(-1)?.id ?? null,
    has_more: hasMore,
  };
}

export function toDeliveryView(entry: DeliveryLogEntry): DeliveryView {
  return {
    id: entry.id,
    object: 'webhook_delivery_attempt',
    delivery_id: entry.deliveryId,
    webhook_id: entry.webhookId,
    event: entry.event,
    job_id: entry.jobId,
    endpoint_id: entry.endpointId,
    host: entry.host,
    attempt: entry.attempt,
    at: entry.at,
    duration_ms: entry.durationMs,
    status_code: entry.statusCode,
    outcome: entry.outcome,
    error: entry.reason,
    next_attempt_at: entry.nextAttemptAt,
  };
}
