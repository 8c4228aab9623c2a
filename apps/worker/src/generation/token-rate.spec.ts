import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TokenRate } from './token-rate.js';

describe('token rate', () => {
  it('is 0 when idle and again 0 five seconds after the last token', () => {
    const rate = new TokenRate();
    expect(rate.perSecond(0)).toBe(0);
    rate.add(100, 1_000);
    expect(rate.perSecond(1_500)).toBe(100);
    expect(rate.perSecond(6_300)).toBe(0);
  });

  it('settles at the true rate of a steady stream', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 200 }), (tokens, everyMs) => {
        const rate = new TokenRate();
        for (let nowMs = 0; nowMs <= 20_000; nowMs += everyMs) rate.add(tokens, nowMs);
        const ratio = rate.perSecond(20_000) / ((tokens * 1000) / everyMs);
        expect(ratio).toBeGreaterThan(0.9);
        expect(ratio).toBeLessThan(1.1);
      }),
    );
  });
});
