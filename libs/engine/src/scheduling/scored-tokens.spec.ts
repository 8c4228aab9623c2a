import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { scoredTokensPerStep } from './scored-tokens.js';

it('the logits of scored prompts take 32 MiB a step at most, where that is two tokens or more', () => {
  expect([1_024, 128_256, 262_144, 8_000_000].map(scoredTokensPerStep)).toEqual([8_192, 64, 32, 2]);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4_000_000 }), (vocabSize) => {
      const tokens = scoredTokensPerStep(vocabSize);
      expect(tokens % 2).toBe(0);
      expect(tokens * vocabSize * 4).toBeLessThanOrEqual(32 * 2 ** 20);
    }),
  );
});
