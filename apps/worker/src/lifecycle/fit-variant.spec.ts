import { describe, expect, it } from 'vitest';
import { EXIT_CODES } from './exit-codes.js';
import { fitVariant, type FitQuestion } from './fit-variant.js';

const MIB = 2 ** 20;
const question: FitQuestion = {
  contextSetting: 0,
  slots: 8,
  modelContextTokens: 1024,
  neededBytes: (contextTokens) => contextTokens * MIB,
  availableBytes: 2000 * MIB,
};

describe('whether a variant fits', () => {
  it("serves the model's own context unless told otherwise", () => {
    expect(fitVariant(question)).toBe(1024);
    expect(fitVariant({ ...question, contextSetting: 512 })).toBe(512);
  });

  it('refuses a context the model was not trained for, naming both', () => {
    expect(() => fitVariant({ ...question, contextSetting: 1025 })).toThrow(
      expect.objectContaining({
        exitCode: EXIT_CODES.contextTooLong,
        message: expect.stringMatching(/DROVER_CONTEXT=1025 .* 1024 tokens/),
      }),
    );
  });

  it('refuses what memory does not hold, with the numbers and what to lower', () => {
    expect(fitVariant({ ...question, availableBytes: 1024 * MIB })).toBe(1024);
    expect(() => fitVariant({ ...question, availableBytes: 1024 * MIB - 1 })).toThrow(
      expect.objectContaining({
        exitCode: EXIT_CODES.memoryTooSmall,
        message: expect.stringMatching(/1024 MiB with 8 slots of 1024 tokens.*DROVER_SLOTS/),
      }),
    );
  });
});
