import { describe, expect, it } from 'vitest';
import { addLengths, expectedLength, lengthsOf, type LengthSums } from './learned-lengths.js';

const sumsOf = (...texts: readonly (readonly [tokens: number, allowed: number])[]): LengthSums =>
  texts
    .map(([tokens, allowed]) => ({
      jobs: 1,
      tokens,
      tokensSquared: tokens ** 2,
      share: tokens / allowed,
      shareSquared: (tokens / allowed) ** 2,
    }))
    .reduce(addLengths, { jobs: 0, tokens: 0, tokensSquared: 0, share: 0, shareSquared: 0 });

const NONE = sumsOf();

describe('what is learned of lengths', () => {
  it('is nothing before any job has succeeded', () => {
    expect(lengthsOf(NONE, NONE)).toBeNull();
  });

  it('is told by the jobs of a class, or by all where those are too few', () => {
    const all = sumsOf([10, 100], [10, 100], [40, 100], [40, 100]);
    expect(lengthsOf(sumsOf([40, 100]), all)?.tokens).toEqual({ mean: 25, deviation: 15 });
    expect(lengthsOf(sumsOf([40, 100], [40, 100], [40, 100]), all)?.tokens.mean).toBe(40);
  });
});

describe('the length to expect', () => {
  const learned = (sums: LengthSums) => {
    const lengths = lengthsOf(sums, sums);
    if (lengths === null) throw new Error('Nothing was learned.');
    return lengths;
  };

  it('is that of texts which end by themselves, within what is allowed', () => {
    const lengths = learned(sumsOf([20, 50], [20, 100], [20, 200]));
    expect(expectedLength(1_000, lengths)).toEqual({ mean: 20, deviation: 0 });
    expect(expectedLength(5, lengths).mean).toBe(5);
  });

  it('is a share of what is allowed for texts which fill that', () => {
    const lengths = learned(sumsOf([50, 50], [100, 100], [200, 200]));
    expect(expectedLength(1_000, lengths)).toEqual({ mean: 1_000, deviation: 0 });
  });

  it('is one token at least', () => {
    expect(expectedLength(100, learned(sumsOf([0, 100], [0, 100], [0, 100]))).mean).toBe(1);
  });
});
