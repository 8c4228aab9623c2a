import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';

export interface WebhookHeaders {
  /** Names the event; the same over all attempts and destinations, so that receivers can drop repeats. */
  readonly 'webhook-id': string;
  /** Unix seconds of this attempt; receivers refuse what is more than five minutes off. */
  readonly 'webhook-timestamp': string;
  readonly 'webhook-signature': string;
}

/**
 * Signs a body by Standard Webhooks 1.0.0: HMAC-SHA256 over `id.timestamp.body`.
 *
 * @param secrets each `whsec_` and the base64 of 24 to 64 bytes; every one signs, for a receiver that knows any of them
 */
export function signWebhook(
  webhookId: string,
  attemptAtMs: number,
  body: string,
  secrets: readonly string[],
): WebhookHeaders {
  return {
    'webhook-id': webhookId,
    'webhook-timestamp': String(Math.floor(attemptAtMs / 1000)),
    'webhook-signature': secrets
      .map((secret) => new Webhook(secret).sign(webhookId, new Date(attemptAtMs), body))
      .join(' '),
  };
}

/** A fresh random secret of 32 bytes in the notation of Standard Webhooks. */
export function generateWebhookSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`;
}
