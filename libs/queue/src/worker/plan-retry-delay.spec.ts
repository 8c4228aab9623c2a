import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { planRetryDelay } from './plan-retry-delay.js';

it('waits 1 s after the first failure and four times as long after each further one', () => {
  expect([1, 2, 3].map((tries) => planRetryDelay(tries, 0))).toEqual([1_000, 4_000, 16_000]);
});

it('is stretched by chance, by half at most, and stays below the next', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 }),
      fc.double({ min: 0, max: 0.999_999, noNaN: true }),
      (tries, random) => {
        const delayMs = planRetryDelay(tries, random);
        expect(delayMs).toBeGreaterThanOrEqual(planRetryDelay(tries, 0));
        expect(delayMs).toBeLessThanOrEqual(1.5 * planRetryDelay(tries, 0));
        expect(delayMs).toBeLessThan(planRetryDelay(tries + 1, 0));
      },
    ),
  );
});
