import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSamplingScratch } from './draw-token.js';
import { sampleToken } from './sample-token.js';
import { compileSamplingParams } from './compile-sampling-params.js';
import type { SamplingParams } from './sampling-params.js';
import { TokenHistory } from './token-history.js';

const neutral = compileSamplingParams({ temperature: 0 }, 7);

interface Case {
  readonly logits: readonly number[];
  readonly params?: Partial<SamplingParams>;
  readonly prompt?: readonly number[];
  readonly generated?: readonly number[];
  readonly banned?: readonly number[];
  readonly position?: number;
  readonly allowed?: Int32Array;
}

function sample({
  logits,
  params,
  prompt = [],
  generated = [],
  banned = [],
  position = 0,
  allowed,
}: Case): number {
  const complete = { ...neutral, ...params };
  const history = new TokenHistory(Int32Array.from(prompt), complete);
  for (const id of generated) history.add(id);
  const context = {
    params: complete,
    history,
    position,
    bannedTokenIds: banned,
    allowedTokens: allowed ?? null,
  };
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

  it('a constraint holds against any bias, over whole words, half ones and those it lacks', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(99), { minLength: 1 }), fc.nat(99), (allowedIds, wanted) => {
        const allowed = new Int32Array(3);
        for (const id of allowedIds) if (id < 96) allowed[id >> 5]! |= 1 << (id & 31);
        fc.pre(allowed.some((word) => word !== 0));
        const wide = Array.from({ length: 100 }, (_, id) => id % 7);
        const chosen = sample({ logits: wide, params: { logitBias: new Map([[wanted, 50]]) }, allowed });
        expect(allowedIds).toContain(chosen);
        expect(chosen === wanted).toBe(allowedIds.includes(wanted) && wanted < 96);
      }),
    );
  });

  it('leave an error where they leave no token', () => {
    const allowed = Int32Array.of(1);
    expect(() => sample({ logits, allowed, banned: [0] })).toThrow(/No token may come next/u);
    expect(sample({ logits, allowed })).toBe(0);
  });

  it('apply in order: bias before repetition penalty', () => {
    // (-0.5 + 3) / 2 = 1.25; the other way round it would be -0.5 × 2 + 3 = 2.
    const params = { logitBias: new Map([[0, 3]]), repetitionPenalty: 2 };
    expect(sample({ logits: [-0.5, 1.24], prompt: [0], params })).toBe(0);
    expect(sample({ logits: [-0.5, 1.26], prompt: [0], params })).toBe(1);
  });
});

describe('sampling', () => {
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
