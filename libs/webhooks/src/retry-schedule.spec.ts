import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DeliveryOutcome } from './delivery-outcome.js';
import { MAX_RETRY_AFTER_MS, planNextStep, STANDARD_RETRY_SCHEDULE as standard } from './retry-schedule.js';

const failed = (retryAfterMs: number | null = null): DeliveryOutcome => ({
  kind: 'failed',
  statusCode: 503,
  reason: 'answered 503',
  retryAfterMs,
});

/** When each attempt at a receiver that always fails starts, on a clock that only the schedule moves. */
function attemptTimesMs(random: number): number[] {
  const times: number[] = [];
  let nowMs = standard.delaysMs[0] ?? 0;
  for (let attempt = 1; ; attempt++) {
    times.push(nowMs);
    const next = planNextStep(standard, attempt, failed(), random);
    if (next.kind !== 'retry') return times;
    nowMs += next.delayMs;
  }
}

describe('the standard schedule', () => {
  it('makes ten attempts over 75 h 35 m 5 s, the first one at once', () => {
    const times = attemptTimesMs(0);
    expect(times).toHaveLength(10);
    expect(times[0]).toBe(0);
    expect(times[1]).toBe(5_000);
    expect(times.at(-1)).toBe(((75 * 60 + 35) * 60 + 5) * 1000);
  });

  it('stretches by its jitter and never shrinks', () => {
    const soonest = attemptTimesMs(0).at(-1) ?? 0;
    fc.assert(
      fc.property(fc.double({ min: 0, max: 0.999, noNaN: true }), (random) => {
        const last = attemptTimesMs(random).at(-1) ?? 0;
        expect(last).toBeGreaterThanOrEqual(soonest);
        expect(last).toBeLessThanOrEqual(soonest * (1 + standard.jitter));
      }),
    );
  });
});

describe('what follows an attempt', () => {
  it('is nothing after a delivery, a 410 or a refusal, however many attempts are left', () => {
    expect(planNextStep(standard, 1, { kind: 'delivered', statusCode: 204 }, 0)).toEqual({ kind: 'done' });
    expect(planNextStep(standard, 1, { kind: 'gone', statusCode: 410 }, 0).kind).toBe('give-up');
    expect(planNextStep(standard, 1, { kind: 'refused', reason: 'private' }, 0).kind).toBe('give-up');
  });

  it('waits as long as the receiver asks, where that is longer than the schedule', () => {
    expect(planNextStep(standard, 1, failed(60_000), 0)).toEqual({ kind: 'retry', delayMs: 60_000 });
    expect(planNextStep(standard, 1, failed(1), 0)).toEqual({ kind: 'retry', delayMs: 5_000 });
  });

  it('waits a day at most', () => {
    const next = planNextStep(standard, 1, failed(Number.MAX_SAFE_INTEGER), 0);
    expect(next).toEqual({ kind: 'retry', delayMs: MAX_RETRY_AFTER_MS });
  });

  it('is giving up after the last attempt, even when the receiver names a time', () => {
    expect(planNextStep(standard, 10, failed(1_000), 0)).toEqual({
      kind: 'give-up',
      reason: 'attempt 10 of 10 failed',
    });
  });
});
