import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSamplingScratch, drawToken, type Truncation } from './draw-token.js';
import { sampleToken } from './sample-token.js';
import { compileSamplingParams } from './compile-sampling-params.js';
import type { SamplingParams } from './sampling-params.js';
import { TokenHistory } from './token-history.js';
import { tokenWeight } from './token-weight.js';

const neutral = compileSamplingParams({ temperature: 0 }, 7);

interface Case {
  readonly logits: readonly number[];
  readonly params?: Partial<SamplingParams>;
  readonly prompt?: readonly number[];
  readonly generated?: readonly number[];
  readonly banned?: readonly number[];
  readonly position?: number;
}

function sample({ logits, params, prompt = [], generated = [], banned = [], position = 0 }: Case): number {
  const complete = { ...neutral, ...params };
  const history = new TokenHistory(Int32Array.from(prompt), complete);
  for (const id of generated) history.add(id);
  const context = { params: complete, history, position, bannedTokenIds: banned };
  return sampleToken(Float32Array.from(logits), context, createSamplingScratch(logits.length));
}

describe('greedy', () => {
  it('takes the highest logit, the lowest id among equals', () => {
    expect(sample({ logits: [1, 3, 2, 3] })).toBe(1);
  });

  it('refuses logits of a broken model, naming the value', () => {
    expect(() => sample({ logits: [NaN, NaN] })).toThrow(/highest logit of the model is -Infinity/u);
    expect(() => sample({ logits: [0, Infinity] })).toThrow(/highest logit of the model is Infinity/u);
  });
});

describe('logit rules', () => {
  const logits = [4, 3.9, -1, -1.1];

  it('bias adds to a logit', () => {
    expect(sample({ logits, params: { logitBias: new Map([[3, 6]]) } })).toBe(3);
  });

  it('repetition penalty divides positive and multiplies negative logits of prompt and text', () => {
    expect(sample({ logits, prompt: [0], params: { repetitionPenalty: 1.1 } })).toBe(1);
    expect(sample({ logits, generated: [0], params: { repetitionPenalty: 1.1 } })).toBe(1);
    expect(sample({ logits: [-1, -1.1], prompt: [0], params: { repetitionPenalty: 1.2 } })).toBe(1);
  });

  it('presence penalty counts a generated token once, frequency penalty each time; prompts do not count', () => {
    expect(sample({ logits, prompt: [0], params: { presencePenalty: 2 } })).toBe(0);
    expect(sample({ logits, generated: [0], params: { presencePenalty: 0.2 } })).toBe(1);
    expect(sample({ logits: [4, 3.7], generated: [0, 0, 0], params: { presencePenalty: 0.2 } })).toBe(0);
    expect(sample({ logits: [4, 3.7], generated: [0, 0, 0], params: { frequencyPenalty: 0.2 } })).toBe(1);
    expect(sample({ logits: [4, 3.7], generated: [0], params: { frequencyPenalty: 0.2 } })).toBe(0);
  });

  it('bans hold against any bias', () => {
    expect(sample({ logits, banned: [0, 3], params: { logitBias: new Map([[3, 100]]) } })).toBe(1);
  });

  it('apply in order: bias before repetition penalty', () => {
    // (-0.5 + 3) / 2 = 1.25; the other way round it would be -0.5 × 2 + 3 = 2.
    const params = { logitBias: new Map([[0, 3]]), repetitionPenalty: 2 };
    expect(sample({ logits: [-0.5, 1.24], prompt: [0], params })).toBe(0);
    expect(sample({ logits: [-0.5, 1.26], prompt: [0], params })).toBe(1);
  });
});

/** Probabilities by the definitions, everything sorted and nothing shared with the code under test. */
function probabilities(logits: Float32Array, { temperature, topK, topP, minP }: Truncation): number[] {
  const best = Math.max(...logits);
  let kept = Array.from(logits, (logit, id) => ({ id, weight: Math.exp((logit - best) / temperature) }));
  kept = kept.toSorted((a, b) => logits[b.id]! - logits[a.id]! || a.id - b.id);
  if (topK > 0) kept = kept.slice(0, topK);
  const share = topP * kept.reduce((sum, { weight }) => sum + weight, 0);
  let before = 0;
  if (topP < 1) {
    kept = kept.filter(({ weight }) => {
      const keeps = before < share;
      before += weight;
      return keeps;
    });
  }
  kept = kept.filter(({ weight }) => weight >= minP);
  const total = kept.reduce((sum, { weight }) => sum + weight, 0);
  const result = Array.from(logits, () => 0);
  for (const { id, weight } of kept) result[id] = weight / total;
  return result;
}

const GRID = 1000;

/** How often each token is drawn over an even grid of random numbers. */
function drawGrid(logits: Float32Array, truncation: Truncation): number[] {
  const counts = Array.from(logits, () => 0);
  const scratch = createSamplingScratch(logits.length);
  for (let i = 0; i < GRID; i++) counts[drawToken(logits, truncation, (i + 0.5) / GRID, scratch)]! += 1;
  return counts;
}

describe('sampling', () => {
  // Off round values: a share that falls exactly on the border between two tokens is decided by rounding.
  const anyTruncation = fc.record({
    temperature: fc.double({ min: 0.2, max: 2, noNaN: true }),
    topK: fc.nat(30),
    topP: fc.oneof(fc.constant(1), fc.double({ min: 0.0503, max: 0.9897, noNaN: true })),
    minP: fc.oneof(fc.constant(0), fc.double({ min: 0.0011, max: 0.4903, noNaN: true })),
  });
  const anyLogits = (min: number, max: number) =>
    fc
      .array(fc.double({ min: -6, max: 6, noNaN: true }), { minLength: min, maxLength: max })
      .map((logits) => Float32Array.from(logits));

  it('draws each token as often as its probability says', () => {
    fc.assert(
      fc.property(anyLogits(1, 60), anyTruncation, (logits, truncation) => {
        const counts = drawGrid(logits, truncation);
        const expected = probabilities(logits, truncation);
        counts.forEach((count, id) => expect(Math.abs(count - GRID * expected[id]!)).toBeLessThan(1.01));
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    { topK: 0, topP: 0.9, minP: 0 },
    { topK: 2500, topP: 1, minP: 0 },
    { topK: 3000, topP: 0.8, minP: 0.5 },
  ])('cuts where it should if more tokens stay than are ever ranked: %j', (cut) => {
    const logits = Float32Array.from({ length: 4000 }, (_, id) => Math.sin(id * 12.9898));
    const truncation = { temperature: 2, ...cut };
    const expected = probabilities(logits, truncation);
    const drawn = drawGrid(logits, truncation);
    expect(expected.filter((p) => p > 0).length).toBeGreaterThan(1024);
    expect(drawn.some((count, id) => count > 0 && expected[id] === 0)).toBe(false);
    expect(drawn.filter((count) => count > 0).length).toBeGreaterThan(900);
  });

  it('repeats with its seed and position, and differs with either', () => {
    const logits = Array.from({ length: 200 }, (_, id) => Math.cos(id));
    const text = (seed: number) =>
      Array.from({ length: 50 }, (_, position) =>
        sample({ logits, position, params: { temperature: 1, seed } }),
      );
    expect(text(1)).toEqual(text(1));
    expect(text(1)).not.toEqual(text(2));
    expect(new Set(text(1)).size).toBeGreaterThan(10);
  });

  it.each([
    { temperature: 1e-310 },
    { temperature: 1e-9 },
    { temperature: 1, topK: 1 },
    { temperature: 1, topP: 1e-9 },
    { temperature: 1, minP: 1 },
  ])('is greedy at its limits: %j', (params) => {
    for (let position = 0; position < 20; position++) {
      expect(sample({ logits: [1, 2, 5, 3], params, position })).toBe(2);
    }
  });

  it('never draws a banned token', () => {
    for (let position = 0; position < 200; position++) {
      const params = { temperature: 2, topK: position % 4 };
      expect(sample({ logits: [9, 1, 1], banned: [0], params, position })).not.toBe(0);
    }
  });
});

describe('token weights', () => {
  it('are the exponential to nine digits, and 0 where it is past use', () => {
    for (let x = 0; x > -40; x -= 0.0137) {
      expect(Math.abs(tokenWeight(x) / Math.exp(x) - 1)).toBeLessThan(1e-9);
    }
    expect([tokenWeight(0), tokenWeight(-41), tokenWeight(-Infinity)]).toEqual([1, 0, 0]);
  });
});
