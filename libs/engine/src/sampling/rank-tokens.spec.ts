import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RankedTokens, rankTokens } from './rank-tokens.js';

function rankNaively(logits: Float32Array, count: number): number[] {
  return Array.from(logits.keys())
    .toSorted((a, b) => logits[b]! - logits[a]! || a - b)
    .slice(0, count);
}

function rank(logits: Float32Array, count: number, capacity = 2000): number[] {
  const ranked = new RankedTokens(capacity);
  rankTokens(logits, count, ranked);
  const ids = [...ranked.ids.subarray(0, ranked.count)];
  expect([...ranked.logits.subarray(0, ranked.count)]).toEqual(ids.map((id) => logits[id]));
  return ids;
}

/** Few distinct values, so that ties are common. */
const anyLogits = (length: number) =>
  fc
    .integer()
    .map((seed) =>
      Float32Array.from({ length }, (_, id) => Math.round(Math.sin((seed % 1000) + id * id) * 40) / 4),
    );

describe('ranking tokens', () => {
  it('gives the best by logit, then by id', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }).chain(anyLogits),
        fc.integer({ min: 1, max: 310 }),
        (logits, k) => {
          expect(rank(logits, k)).toEqual(rankNaively(logits, k));
        },
      ),
    );
  });

  it('ranks no more than there is room for', () => {
    expect(rank(Float32Array.of(1, 3, 2, 5), 9, 2)).toEqual([3, 1]);
  });

  it('puts banned tokens last and takes both zeros as equal', () => {
    const logits = Float32Array.from({ length: 1100 }, (_, id) => (id % 2 === 0 ? -0 : 0));
    logits[3] = -Infinity;
    logits[1099] = 5;
    const ids = rank(logits, 1100);
    expect([ids[0], ids[1], ids[2], ids.at(-1)]).toEqual([1099, 0, 1, 3]);
  });
});
