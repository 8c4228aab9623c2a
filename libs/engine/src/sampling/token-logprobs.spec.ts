import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RankedTokens } from './rank-tokens.js';
import { tokenLogprobs } from './token-logprobs.js';

const ranked = new RankedTokens(32);

describe('log probabilities', () => {
  it('are the log softmax, of the token and of the best ones, the lower id first among equals', () => {
    const anyLogits = fc
      .array(fc.oneof(fc.integer({ min: -40, max: 40 }), fc.constant(-Infinity)), { maxLength: 50 })
      .map((logits) => Float32Array.of(3, ...logits));
    fc.assert(
      fc.property(anyLogits, fc.nat(1000), fc.nat(20), (logits, seed, topCount) => {
        const logTotal = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0));
        const byRank = Array.from(logits.keys()).toSorted((a, b) => logits[b]! - logits[a]! || a - b);
        const tokenId = seed % logits.length;
        const { logprob, top } = tokenLogprobs(logits, tokenId, topCount, ranked);
        expect(top.map((best) => best.tokenId)).toEqual(byRank.slice(0, topCount));
        for (const told of [{ tokenId, logprob }, ...top]) {
          const expected = logits[told.tokenId]! - logTotal;
          expect(Math.exp(told.logprob)).toBeCloseTo(Math.exp(expected), 9);
          expect(Math.max(told.logprob, -1e9)).toBeCloseTo(Math.max(expected, -1e9), 7);
        }
      }),
    );
  });

  it('do not overflow', () => {
    const { logprob } = tokenLogprobs(Float32Array.of(3e38, 3e38, -3e38), 1, 0, ranked);
    expect(logprob).toBeCloseTo(-Math.LN2, 7);
  });
});
