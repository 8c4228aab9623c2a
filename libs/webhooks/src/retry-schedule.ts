import type { DeliveryOutcome } from './delivery-outcome.js';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** When a delivery is tried: the wait before each attempt, and by how much each wait may grow at random. */
export interface RetrySchedule {
  /** Milliseconds before attempt 1, 2, …; its length is the number of attempts. */
  readonly delaysMs: readonly number[];
  /** 0.1 spreads each wait over [1, 1.1] of itself, so that receivers that come back are not hit at once. */
  readonly jitter: number;
}

/** The schedule that Standard Webhooks 1.0.0 recommends: ten attempts over three days. */
export const STANDARD_RETRY_SCHEDULE: RetrySchedule = {
  delaysMs: [
    0,
    5 * SECOND,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    14 * HOUR,
    20 * HOUR,
    24 * HOUR,
  ],
  jitter: 0.1,
};

/** A receiver may ask for a longer wait by `Retry-After`, up to this. */
export const MAX_RETRY_AFTER_MS = 24 * HOUR;

export type NextStep =
  | { readonly kind: 'done' }
  | { readonly kind: 'retry'; readonly delayMs: number }
  | { readonly kind: 'give-up'; readonly reason: string };

/**
 * What follows attempt number `attempt` (1 = first).
 *
 * @param random in [0, 1), for the jitter
 */
export function planNextStep(
  schedule: RetrySchedule,
  attempt: number,
  outcome: DeliveryOutcome,
  random: number,
): NextStep {
  switch (outcome.kind) {
    case 'delivered':
      return { kind: 'done' };
    case 'gone':
      return { kind: 'give-up', reason: 'the receiver answered 410 Gone' };
    case 'refused':
      return { kind: 'give-up', reason: outcome.reason };
    case 'failed': {
      const scheduledMs = schedule.delaysMs[attempt];
      if (scheduledMs === undefined)
        return { kind: 'give-up', reason: `attempt ${attempt} of ${schedule.delaysMs.length} failed` };
      const askedMs = Math.min(outcome.retryAfterMs ?? 0, MAX_RETRY_AFTER_MS);
      return { kind: 'retry', delayMs: withJitter(Math.max(scheduledMs, askedMs), schedule.jitter, random) };
    }
    default:
      return outcome satisfies never;
  }
}

function withJitter(delayMs: number, jitter: number, random: number): number {
  return Math.round(delayMs * (1 + jitter * random));
}
