import { expect, it } from 'vitest';
import { cacheBudgetOf, neededBytesWithin } from './memory-budget.js';

const MIB = 2 ** 20;
const full = { totalBytes: 1_000 * MIB, kvCacheBytes: 600 * MIB };
const needed = (kvCacheMib: number, prefixCacheMib: number) =>
  neededBytesWithin(
    cacheBudgetOf({ DROVER_KV_CACHE_MIB: kvCacheMib, DROVER_PREFIX_CACHE_MIB: prefixCacheMib }),
    full,
  ) / MIB;

it('a worker needs what its caches may take, and no more than full slots', () => {
  expect(needed(0, 0)).toBe(1_000);
  expect(needed(0, 256)).toBe(1_256);
  expect(needed(100, 256)).toBe(756);
  expect(needed(5_000, 0)).toBe(1_000);
});
