import { randomBytes } from 'node:crypto';
import { FINAL_EVENT_TYPES, type WebhookEventType } from '#contracts';
import type { DeliveryOutcome } from './delivery-outcome.js';
import { generateWebhookSecret } from './sign-webhook.js';

/** A standing destination of a tenant's events. */
export interface WebhookEndpoint {
  readonly id: string;
  readonly url: string;
  readonly events: readonly WebhookEventType[];
  readonly description: string;
  readonly createdAtMs: number;
  /** Set while nothing has arrived since a failure. */
  readonly failingSinceMs: number | null;
  readonly disabled: DisabledEndpoint | null;
  readonly secret: string;
  /** The secret before the last rotation, which signs beside the new one until then. */
  readonly oldSecret: { readonly secret: string; readonly untilMs: number } | null;
}

export interface DisabledEndpoint {
  /** By its owner, by the receiver's 410, or after `FAILING_FOR_MS` without one success. */
  readonly reason: 'by_request' | 'gone' | 'failing';
  readonly atMs: number;
}

export interface EndpointChange {
  readonly url?: string | undefined;
  readonly events?: readonly WebhookEventType[] | undefined;
  readonly description?: string | undefined;
  /** True also lifts a disablement by failures. */
  readonly enabled?: boolean | undefined;
}

/** Without `events`, it hears of every end. */
export type NewEndpoint = EndpointChange & { readonly url: string };

/** An endpoint that fails for so long without one success is disabled. */
export const FAILING_FOR_MS = 5 * 24 * 3_600_000;

export function createEndpoint(wish: NewEndpoint, nowMs: number): WebhookEndpoint {
  const fresh = {
    id: `we_${randomBytes(12).toString('hex')}`,
    url: wish.url,
    events: FINAL_EVENT_TYPES,
    description: '',
    createdAtMs: nowMs,
    failingSinceMs: null,
    disabled: null,
    secret: generateWebhookSecret(),
    oldSecret: null,
  };
  return changeEndpoint(fresh, wish, nowMs);
}

export function changeEndpoint(
  endpoint: WebhookEndpoint,
  { url, events, description, enabled }: EndpointChange,
  nowMs: number,
): WebhookEndpoint {
  return {
    ...endpoint,
    url: url ?? endpoint.url,
    events: events ?? endpoint.events,
    description: description ?? endpoint.description,
    ...(enabled === true ? { disabled: null, failingSinceMs: null } : {}),
    ...(enabled === false ? { disabled: endpoint.disabled ?? { reason: 'by_request', atMs: nowMs } } : {}),
  };
}

export function rotateSecret(endpoint: WebhookEndpoint, keepOldMs: number, nowMs: number): WebhookEndpoint {
  const oldSecret = keepOldMs > 0 ? { secret: endpoint.secret, untilMs: nowMs + keepOldMs } : null;
  return { ...endpoint, secret: generateWebhookSecret(), oldSecret };
}

/** The secrets that sign now, newest first. */
export function signingSecrets({ secret, oldSecret }: WebhookEndpoint, nowMs: number): readonly string[] {
  return oldSecret !== null && oldSecret.untilMs > nowMs ? [secret, oldSecret.secret] : [secret];
}

/** What an attempt's outcome means to its endpoint; the same object where it means nothing. */
export function afterAttempt(
  endpoint: WebhookEndpoint,
  outcome: DeliveryOutcome['kind'],
  nowMs: number,
): WebhookEndpoint {
  if (endpoint.disabled !== null) return endpoint;
  switch (outcome) {
    case 'delivered':
      return endpoint.failingSinceMs === null ? endpoint : { ...endpoint, failingSinceMs: null };
    case 'gone':
      return { ...endpoint, disabled: { reason: 'gone', atMs: nowMs } };
    case 'failed':
    case 'refused':
      if (endpoint.failingSinceMs === null) return { ...endpoint, failingSinceMs: nowMs };
      if (nowMs - endpoint.failingSinceMs < FAILING_FOR_MS) return endpoint;
      return { ...endpoint, disabled: { reason: 'failing', atMs: nowMs } };
    default:
      return outcome satisfies never;
  }
}
