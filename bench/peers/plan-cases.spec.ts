import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { planCases } from './plan-cases.js';
import { SHAPES } from './peer-models.js';

it('plans each prompt with each number of sequences once, within three quarters of the context', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...SHAPES),
      fc.integer({ min: 64, max: 8192 }),
      fc.uniqueArray(fc.integer({ min: 1, max: 32 }), { minLength: 1, maxLength: 4 }),
      fc.array(fc.integer({ min: 2, max: 9000 }), { minLength: 1, maxLength: 3 }),
      fc.nat(9000),
      (shape, context, sequences, prompts, longContext) => {
        const cases = planCases(shape, context, { sequences, prompts, longContext });
        const names = cases.map((load) => `${load.sequences} × ${load.promptTokens}`);
        const shortened = new Set(prompts.map((tokens) => Math.min(tokens, Math.floor(context * 0.75))));
        const hasLong = longContext > 0 && longContext <= context * 0.75;
        expect(names).toHaveLength(shortened.size * sequences.length + (hasLong ? 1 : 0));
        for (const { promptTokens } of cases) expect(promptTokens).toBeLessThanOrEqual(context * 0.75);
      },
    ),
  );
});
