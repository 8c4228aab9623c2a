import type { WebhookEventType } from '#contracts';
import type { WebhookEndpoint } from '#webhooks';

export const WEBHOOK_ENDPOINTS_PATH = '/v1/webhook_endpoints';

export interface WebhookEndpointView {
  readonly id: string;
  readonly object: 'webhook_endpoint';
  readonly url: string;
  readonly description: string;
  readonly events: readonly WebhookEventType[];
  readonly enabled: boolean;
  /** Why and since when nothing is sent there; null while it is enabled. */
  readonly disabled: {
    readonly reason: 'by_request' | 'gone' | 'failing';
    readonly at: string;
  } | null;
  /** Since when every attempt has failed; null while the last one arrived. */
  readonly failing_since: string | null;
  readonly created_at: string;
  /** Until when the secret before the last rotation signs, too. */
  readonly old_secret_expires_at: string | null;
}

/** Shown at creation and rotation alone. */
export interface WebhookEndpointWithSecret extends WebhookEndpointView {
  readonly secret: string;
}

export interface WebhookEndpointList {
  readonly object: 'list';
  /** Oldest first. */
  readonly data: readonly WebhookEndpointView[];
  readonly has_more: false;
}

export function toEndpointView(endpoint: WebhookEndpoint, nowMs: number): WebhookEndpointView {
  const { disabled, failingSinceMs, oldSecret } = endpoint;
  return {
    id: endpoint.id,
    object: 'webhook_endpoint',
    url: endpoint.url,
    description: endpoint.description,
    events: endpoint.events,
    enabled: disabled === null,
    disabled: disabled && { reason: disabled.reason, at: isoTime(disabled.atMs) },
    failing_since: failingSinceMs === null ? null : isoTime(failingSinceMs),
    created_at: isoTime(endpoint.createdAtMs),
    old_secret_expires_at:
      oldSecret !== null && oldSecret.untilMs > nowMs ? isoTime(oldSecret.untilMs) : null,
  };
}

export function withSecret(endpoint: WebhookEndpoint, nowMs: number): WebhookEndpointWithSecret {
  return { ...toEndpointView(endpoint, nowMs), secret: endpoint.secret };
}

function isoTime(unixMs: number): string {
  return new Date(unixMs).toISOString();
}
