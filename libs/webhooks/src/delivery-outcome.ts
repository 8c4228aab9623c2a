/** How one attempt to deliver a webhook ended. `statusCode` is null where no answer came. */
export type DeliveryOutcome =
  | { readonly kind: 'delivered'; readonly statusCode: number }
  /** Worth another try later. */
  | {
      readonly kind: 'failed';
      readonly statusCode: number | null;
      readonly reason: string;
      readonly retryAfterMs: number | null;
    }
  /** 410: the receiver wants no more of this. */
  | { readonly kind: 'gone'; readonly statusCode: 410 }
  /** The URL leads to where deliveries may not go; nothing was sent. */
  | { readonly kind: 'refused'; readonly reason: string };

/** Answers by which a receiver asks for less (Standard Webhooks 1.0.0), and HTTP's own 503. */
const THROTTLING: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/**
 * Judges a receiver's answer by its status and `Retry-After` alone: only 2xx is success, so a redirect is a failure.
 */
export function judgeAnswer(
  statusCode: number,
  retryAfter: string | undefined,
  nowMs: number,
): DeliveryOutcome {
  if (statusCode >= 200 && statusCode < 300) return { kind: 'delivered', statusCode };
  if (statusCode === 410) return { kind: 'gone', statusCode };
  return {
    kind: 'failed',
    statusCode,
    reason:
      statusCode >= 300 && statusCode < 400
        ? `redirect ${statusCode} not followed`
        : `answered ${statusCode}`,
    retryAfterMs: THROTTLING.has(statusCode) ? parseRetryAfterMs(retryAfter, nowMs) : null,
  };
}

/** `Retry-After` as seconds or as an HTTP date (RFC 9110 §10.2.3); null where it is absent, past or unreadable. */
export function parseRetryAfterMs(header: string | undefined, nowMs: number): number | null {
  const text = header?.trim() ?? '';
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  // Date.parse takes much more than HTTP dates; all of those begin with a day's name.
  const dateMs = /^[A-Z][a-z]{2,8},? /.test(text) ? Date.parse(text) : Number.NaN;
  return dateMs > nowMs ? dateMs - nowMs : null;
}
