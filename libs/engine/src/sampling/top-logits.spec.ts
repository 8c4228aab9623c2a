import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TopLogits } from '../ports/token-logits.js';
import { compileSamplingParams } from './compile-sampling-params.js';
import { createSamplingScratch } from './draw-token.js';
import { needsFullLogits, type SamplingRules } from './needs-full-logits.js';
import { sampleToken, sampleWithLogprobs, type SamplingContext } from './sample-token.js';
import type { SamplingParams } from './sampling-params.js';
import { TokenHistory } from './token-history.js';
import { topLogitsOf } from '../testing/scripted-tokens.js';

const TOP = 8;
const neutral = compileSamplingParams({ temperature: 0 }, 7);
const free: Omit<SamplingRules, 'params'> = { bannedTokenIds: [], isConstrained: false, topLogprobs: 0 };

function contextOf(params: SamplingParams, position = 0): SamplingContext {
  const history = new TokenHistory(new Int32Array(0), params);
  return { params, history, position, bannedTokenIds: [], allowedTokens: null };
}

/** Quarters: equal logits are common, at the border of the best ones too. */
const anyRow = fc
  .array(fc.integer({ min: -24, max: 24 }), { minLength: TOP, maxLength: 60 })
  .map((quarters) => Float32Array.from(quarters, (value) => value / 4));

const anyParams = fc.record({
  temperature: fc.constantFrom(0, 0.4, 1, 1.7),
  topK: fc.nat(2 * TOP),
  topP: fc.constantFrom(1, 0.83, 0.31),
  minP: fc.constantFrom(0, 0.07),
  typicalP: fc.constantFrom(1, 0.71),
  seed: fc.nat(),
});

describe('a token from the best logits', () => {
  it('is the one from all of them, with its log probabilities, wherever no more are asked for', () => {
    let drawn = 0;
    fc.assert(
      fc.property(anyRow, anyParams, fc.nat(99), fc.nat(TOP), (row, overrides, position, topLogprobs) => {
        const params = { ...neutral, ...overrides };
        fc.pre(!needsFullLogits({ ...free, params, topLogprobs }, TOP));
        if (params.temperature > 0) drawn += 1;
        const sample = (logits: Float32Array | TopLogits) =>
          sampleWithLogprobs(
            logits,
            contextOf(params, position),
            topLogprobs,
            createSamplingScratch(row.length),
          );
        const fromAll = sample(Float32Array.from(row));
        const fromBest = sample(topLogitsOf(row, TOP));
        expect(fromBest.tokenId).toBe(fromAll.tokenId);
        expect(fromBest.logprob).toBeCloseTo(fromAll.logprob, 5);
        expect(fromBest.top.map(({ tokenId }) => tokenId)).toEqual(fromAll.top.map(({ tokenId }) => tokenId));
        fromBest.top.forEach(({ logprob }, rank) =>
          expect(logprob).toBeCloseTo(fromAll.top[rank]!.logprob, 5),
        );
      }),
      { numRuns: 500 },
    );
    expect(drawn).toBeGreaterThan(100);
  });

  it('is refused where a rule looks past them', () => {
    const biased = contextOf({ ...neutral, logitBias: new Map([[3, 1]]) });
    const row = Float32Array.from({ length: 20 }, (_, id) => id);
    expect(() => sampleToken(topLogitsOf(row, TOP), biased, createSamplingScratch(20))).toThrow(
      /left out logits/u,
    );
  });

  it('is refused where the model is broken', () => {
    const broken = { ...topLogitsOf(new Float32Array(20), TOP), logSumExp: NaN };
    expect(() => sampleToken(broken, contextOf(neutral), createSamplingScratch(20))).toThrow(/is NaN/u);
  });
});

describe('the whole vocabulary', () => {
  const drawing = { ...neutral, temperature: 1 };
  it.each<[string, boolean, Partial<SamplingParams>, Partial<SamplingRules>]>([
    ['a greedy choice', false, {}, {}],
    ['a greedy choice, whatever would be cut from a draw', false, { topP: 0.5, minP: 0.1 }, {}],
    ['a draw among as few as there are', false, { ...drawing, topK: TOP, topP: 0.5, typicalP: 0.5 }, {}],
    ['as many log probabilities as there are', false, {}, { topLogprobs: TOP }],
    ['a draw among more', true, { ...drawing, topK: TOP + 1 }, {}],
    ['a draw from all', true, drawing, {}],
    ['a share of all', true, { ...drawing, topP: 0.5 }, {}],
    ['a bias', true, { logitBias: new Map([[1, 1]]) }, {}],
    ['a repetition penalty', true, { repetitionPenalty: 1.1 }, {}],
    ['a presence penalty', true, { presencePenalty: 0.1 }, {}],
    ['a frequency penalty', true, { frequencyPenalty: 0.1 }, {}],
    ['a ban', true, {}, { bannedTokenIds: [1] }],
    ['a constraint', true, {}, { isConstrained: true }],
    ['more log probabilities', true, {}, { topLogprobs: TOP + 1 }],
  ])('is needed for %s: %s', (_, isNeeded, params, rules) => {
    expect(needsFullLogits({ ...free, ...rules, params: { ...neutral, ...params } }, TOP)).toBe(isNeeded);
  });
});
