import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seedOfChoice } from './seed-of-choice.js';
import { uniformAt } from './uniform-at.js';

/** Pearson's statistic of `draws` in 100 bins; 99 degrees of freedom, so 99.99 % lie below 161. */
function chiSquare(draws: readonly number[]): number {
  const bins = Array.from({ length: 100 }, () => 0);
  for (const draw of draws) bins[Math.floor(draw * 100)]! += 1;
  const expected = draws.length / bins.length;
  return bins.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

const range = (length: number) => Array.from({ length }, (_, index) => index);

describe('random numbers', () => {
  it('are a pure function of seed and position in [0, 1)', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.nat(2 ** 31), (seed, position) => {
        const draw = uniformAt(seed, position);
        expect(draw).toBeGreaterThanOrEqual(0);
        expect(draw).toBeLessThan(1);
        expect(uniformAt(seed, position)).toBe(draw);
      }),
    );
  });

  it('are even along the positions of one seed and along the seeds of one position', () => {
    for (const seed of [0, 1, 42, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
      expect(chiSquare(range(20_000).map((position) => uniformAt(seed, position)))).toBeLessThan(161);
    }
    for (const position of [0, 1, 500]) {
      expect(chiSquare(range(20_000).map((seed) => uniformAt(seed, position)))).toBeLessThan(161);
    }
  });

  it('of neighbours do not follow each other', () => {
    const pairs = (next: (n: number) => number) => range(20_000).map((n) => (next(n) + 1 - next(n + 1)) % 1);
    expect(chiSquare(pairs((position) => uniformAt(7, position)))).toBeLessThan(161);
    expect(chiSquare(pairs((seed) => uniformAt(seed, 7)))).toBeLessThan(161);
    // A seed and its neighbour one position on must not be one stream shifted.
    expect(
      chiSquare(range(20_000).map((n) => (uniformAt(n, n + 1) + 1 - uniformAt(n + 1, n)) % 1)),
    ).toBeLessThan(161);
  });

  it('use the upper bits of a seed', () => {
    expect(uniformAt(5, 0)).not.toBe(uniformAt(5 + 2 ** 32, 0));
  });
});

describe('seeds of choices', () => {
  it("are integers in range, the request's own for the first one, and give each choice draws of its own", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (seed) => {
        const seeds = range(128).map((index) => seedOfChoice(seed, index));
        expect(seeds[0]).toBe(seed);
        expect(new Set(seeds).size).toBe(128);
        for (const one of seeds) expect(Number.isSafeInteger(one) && one >= 0).toBe(true);
      }),
    );
    expect(chiSquare(range(20_000).map((index) => uniformAt(seedOfChoice(7, index), 5)))).toBeLessThan(161);
  });
});
