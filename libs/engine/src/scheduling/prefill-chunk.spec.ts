import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { prefillChunkTokens } from './prefill-chunk.js';

/** Chunks of a prompt, one after another, each with the next of the given budgets. */
function chunksOf(prompt: number, budgets: readonly number[], blockTokens: number): number[] {
  const sizes: number[] = [];
  for (let start = 0; start < prompt; start += sizes.at(-1)!) {
    const mostTokens = budgets[sizes.length % budgets.length]!;
    sizes.push(prefillChunkTokens(start, prompt, { mostTokens, blockTokens }));
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
  ])('%i tokens in chunks of 8 are %j', (prompt, sizes) => {
    expect(chunksOf(prompt, [8], 4)).toEqual(sizes);
  });

  it('end with whole blocks, or where a budget holds none, after pairs until one is reached', () => {
    expect(chunksOf(30, [11], 4)).toEqual([8, 8, 8, 6]);
    expect(chunksOf(30, [3, 3, 9], 4)).toEqual([2, 2, 8, 2, 2, 8, 2, 4]);
  });

  it('whatever the budgets cover the prompt within them, begin at even positions, and leave no token alone', () => {
    const budgets = fc.array(fc.integer({ min: 2, max: 300 }), { minLength: 1, maxLength: 8 });
    const block = fc.constantFrom(2, 4, 32);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3000 }), budgets, block, (prompt, mostTokens, blockTokens) => {
        const sizes = chunksOf(prompt, mostTokens, blockTokens);
        expect(sizes.reduce((a, b) => a + b)).toBe(prompt);
        expect(sizes.slice(0, -1).every((size) => size > 0 && size % 2 === 0)).toBe(true);
        expect(sizes.every((size, i) => size <= mostTokens[i % mostTokens.length]! + 1)).toBe(true);
        expect(sizes.at(-1)).toBeGreaterThanOrEqual(Math.min(prompt, 2));
      }),
    );
  });
});
