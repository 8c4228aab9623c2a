import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NgramIndex } from './ngram-index.js';

/** What followed the latest of the longest earlier matches, looked for from the end back. */
function draftNaively(tokens: readonly number[], count: number) {
  for (const length of [3, 2, 1]) {
    for (let end = tokens.length - 1; end >= length; end--) {
      const isMatch = Array.from({ length }, (_, i) => i + 1).every(
        (i) => tokens[end - i] === tokens[tokens.length - i],
      );
      if (!isMatch) continue;
      const text = [...tokens];
      for (let i = 0; i < count; i++) text.push(text[end + i]!);
      return { tokenIds: text.slice(tokens.length), matchedTokens: length };
    }
  }
  return null;
}

function draft(tokens: readonly number[], count: number) {
  const index = new NgramIndex(tokens.length);
  for (const token of tokens) index.push(token);
  const found = index.draft(count);
  return found === null ? null : { ...found, tokenIds: [...found.tokenIds] };
}

describe('a draft from the past of a text', () => {
  it('is what followed the latest of the longest matches', () => {
    const anyText = fc.array(fc.nat(3), { minLength: 1, maxLength: 24 });
    fc.assert(
      fc.property(anyText, fc.integer({ min: 1, max: 7 }), (tokens, count) => {
        const found = draft(tokens, count);
        const expected = draftNaively(tokens, count);
        // The table may have forgotten a long match, never made one up.
        fc.pre(found?.matchedTokens === expected?.matchedTokens);
        expect(found).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  it('finds nearly every match in a long text of a large vocabulary', () => {
    const tokens = Array.from({ length: 2000 }, (_, i) => (i * i * 7919) % 128_256);
    const index = new NgramIndex(2 * tokens.length);
    for (const token of tokens) index.push(token);
    let found = 0;
    for (const [i, token] of tokens.entries()) {
      index.push(token);
      if (i >= 2 && i + 1 < tokens.length && index.draft(1)?.tokenIds[0] === tokens[i + 1]) found += 1;
    }
    expect(found).toBeGreaterThan(0.95 * tokens.length);
  });

  it('goes on with a text that repeats itself for longer than what it repeats', () => {
    expect(draft([9, 1, 2, 1, 2, 1, 2], 5)).toEqual({ tokenIds: [1, 2, 1, 2, 1], matchedTokens: 3 });
  });

  it('is none where the last token is new', () => {
    expect(draft([1, 2, 3], 4)).toBeNull();
    expect(draft([1], 4)).toBeNull();
  });
});
