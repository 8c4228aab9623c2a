import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keepBest } from './keep-best.js';

/** Whole amounts, so that sums are exact in any order; few logits, so that ties are common. */
const anyTokens = fc.array(
  fc.record({
    logit: fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constantFrom(-Infinity, 0.1, -1e-30, 1e30)),
    amount: fc.nat(5),
  }),
  { minLength: 1, maxLength: 40 },
);

describe('keeping the best tokens', () => {
  it('keeps, in order of logit and id, just as many as amount to the goal', () => {
    fc.assert(
      fc.property(anyTokens, fc.integer({ min: 1, max: 60 }), fc.boolean(), (tokens, goal, counts) => {
        const logits = Float32Array.from(tokens, ({ logit }) => logit);
        fc.pre(logits.some(Number.isFinite));
        const amounts = Float64Array.from(tokens, ({ amount }) => amount);
        const kept = new Set<number>();
        let amount = 0;
        for (const id of Array.from(logits.keys()).toSorted((a, b) => logits[b]! - logits[a]! || a - b)) {
          if (amount >= goal || logits[id] === -Infinity) break;
          kept.add(id);
          amount += counts ? 1 : amounts[id]!;
        }
        const weights = Float64Array.from(tokens, (_, id) => id + 1);
        const total = keepBest(logits, weights, counts ? null : amounts, goal, new Int32Array(tokens.length));
        expect([...weights]).toEqual(tokens.map((_, id) => (kept.has(id) ? id + 1 : 0)));
        expect(total).toBe(weights.reduce((sum, weight) => sum + weight, 0));
      }),
      { numRuns: 500 },
    );
  });
});
