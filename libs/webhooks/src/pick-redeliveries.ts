import type { DeliveryLogEntry } from './delivery-log.js';
import { rootDeliveryId } from './webhook-delivery.js';

export interface RedeliveryRange {
  readonly sinceMs: number;
  readonly untilMs: number;
  /** `failed` (default): those that never arrived. `all`: those that did, too. */
  readonly include?: 'failed' | 'all' | undefined;
}

/**
 * Which deliveries of a log to send again: those with an attempt in [since, until], in the order of their first one.
 * What has arrived since, by a redelivery too, has not failed. Test events are not repeated.
 *
 * @param log every entry since then, oldest first
 */
export function pickRedeliveries(
  log: readonly DeliveryLogEntry[],
  { sinceMs, untilMs, include = 'failed' }: RedeliveryRange,
): readonly string[] {
  const tried = new Set<string>();
  const arrived = new Set<string>();
  for (const { deliveryId, jobId, at, outcome } of log) {
    const atMs = Date.parse(at);
    if (jobId === null) continue;
    if (atMs >= sinceMs && atMs <= untilMs) tried.add(rootDeliveryId(deliveryId));
    if (outcome === 'delivered') arrived.add(rootDeliveryId(deliveryId));
  }
  return [...tried].filter((id) => include === 'all' || !arrived.has(id));
}
