import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planStep, type PlanCandidate } from './plan-step.js';
import { prefillChunkEnd } from './prefill-chunk.js';

const decoding = (slot: number): PlanCandidate => ({
  slot,
  prefillTokens: 5,
  knownTokens: 6,
  processedTokens: 5,
  admission: slot,
});
const prompt = (slot: number, tokens: number, processedTokens = 0, admission = slot) => ({
  slot,
  prefillTokens: tokens,
  knownTokens: tokens,
  processedTokens,
  admission,
});
const limits = { prefillChunkTokens: 8, stepTokenBudget: 10 };

/** Chunks of a prompt, one after another. */
function chunksOf(promptTokens: number, chunkTokens: number): number[] {
  const sizes: number[] = [];
  for (let start = 0; start < promptTokens;) {
    const end = prefillChunkEnd(start, promptTokens, chunkTokens);
    sizes.push(end - start);
    start = end;
  }
  return sizes;
}

describe('the chunks of a prompt', () => {
  it.each([
    [1, [1]],
    [2, [2]],
    [8, [8]],
    [9, [9]],
    [10, [8, 2]],
    [17, [8, 9]],
    [24, [8, 8, 8]],
  ])('%i tokens in chunks of 8 are %j', (promptTokens, sizes) => {
    expect(chunksOf(promptTokens, 8)).toEqual(sizes);
  });

  it('cover the prompt, begin at multiples of the chunk size, and never leave a token alone', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 2, max: 300 }), (tokens, chunk) => {
        const sizes = chunksOf(tokens, chunk);
        expect(sizes.reduce((a, b) => a + b)).toBe(tokens);
        expect(sizes.slice(0, -1).every((size) => size === chunk)).toBe(true);
        expect(sizes.at(-1)).toBeLessThanOrEqual(chunk + 1);
        expect(sizes.at(-1)).toBeGreaterThanOrEqual(Math.min(tokens, 2));
      }),
    );
  });
});

describe('the plan of a step', () => {
  it('runs every decode, in the order of slots, before any prompt', () => {
    const plan = planStep([decoding(3), prompt(1, 20), decoding(0), decoding(2)], limits);
    expect(plan.decodeSlots).toEqual([0, 2, 3]);
    expect(plan.prefills).toEqual([{ slot: 1, startPosition: 0, tokenCount: 8, needsLogits: false }]);
  });

  it('takes prompts in order of admission while the budget lasts, none past one that does not fit', () => {
    const plan = planStep([prompt(0, 4, 0, 7), prompt(1, 5, 0, 5), prompt(2, 9, 0, 6)], limits);
    expect(plan.prefills.map(({ slot }) => slot)).toEqual([1]);
    const roomy = planStep([prompt(0, 4, 0, 7), prompt(1, 5, 0, 5)], limits);
    expect(roomy.prefills.map(({ slot }) => slot)).toEqual([1, 0]);
  });

  it('moves one prompt on even where decodes use up the budget', () => {
    const decodes = Array.from({ length: 10 }, (_, slot) => decoding(slot));
    expect(planStep([...decodes, prompt(10, 30, 16)], limits).prefills).toEqual([
      { slot: 10, startPosition: 16, tokenCount: 8, needsLogits: false },
    ]);
  });

  it('is empty without candidates', () => {
    expect(planStep([], limits)).toEqual({ decodeSlots: [], prefills: [] });
  });
});
