import { describe, expect, it } from 'vitest';
import { EXIT_CODES } from './exit-codes.js';
import { fitPool, type PoolQuestion } from './fit-pool.js';

const MIB = 2 ** 20;
/** Ten sequences of 100 MiB each beside a model of 800 MiB. */
const question: PoolQuestion = {
  sequences: 10,
  contextTokens: 100,
  tokenBytes: MIB,
  modelBytes: 800 * MIB,
  askedBytes: undefined,
  availableBytes: 2_000 * MIB,
};

describe('the pool of blocks', () => {
  it('is as large as all sequences in full, where they fit', () => {
    expect(fitPool(question)).toBeUndefined();
    expect(fitPool({ ...question, availableBytes: Number.POSITIVE_INFINITY })).toBeUndefined();
  });

  it('is what a tenth kept free and the model leave, where they do not', () => {
    expect(fitPool({ ...question, availableBytes: 1_500 * MIB })).toBe(550 * MIB);
  });

  it('is what was asked for', () => {
    expect(fitPool({ ...question, askedBytes: 50 * MIB })).toBe(50 * MIB);
  });

  it('is refused with the numbers where not one sequence fits', () => {
    expect(fitPool({ ...question, availableBytes: 1_000 * MIB })).toBe(100 * MIB);
    expect(() => fitPool({ ...question, availableBytes: 999 * MIB })).toThrow(
      expect.objectContaining({
        exitCode: EXIT_CODES.memoryTooSmall,
        message: expect.stringMatching(
          /800 MiB of the GPU and one text of 100 tokens 100 MiB more; 999 MiB are free/,
        ),
      }),
    );
  });

  it('is refused where less is left than was asked for', () => {
    expect(() => fitPool({ ...question, askedBytes: 1_001 * MIB })).toThrow(
      /DROVER_KV_CACHE_MIB 1001 MiB more; 2000 MiB are free/,
    );
  });
});
