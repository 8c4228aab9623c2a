import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { DecodeMask, maskWidth } from './decode-mask.js';

it.each([
  [1, 4096, 256],
  [256, 4096, 256],
  [257, 4096, 512],
  [4000, 4096, 4096],
  [3000, 3000, 3000],
  [10, 64, 64],
])('%i tokens in a context of %i take a mask of %i', (tokens, contextTokens, width) => {
  expect(maskWidth(tokens, contextTokens)).toBe(width);
});

it('a row has as many ones as was said last, at its beginning, whatever was said before', () => {
  const change = fc.record({ row: fc.nat(2), tokens: fc.nat(8) });
  fc.assert(
    fc.property(fc.array(change), (changes) => {
      const mask = new DecodeMask(3, 8);
      const expected = [0, 0, 0];
      for (const { row, tokens } of changes) {
        mask.setTokens(row, tokens);
        expected[row] = tokens;
      }
      const rows = expected.map((tokens) => [...Array(8)].map((_, at) => (at < tokens ? 1n : 0n)));
      expect([...mask.values]).toEqual(rows.flat());
    }),
  );
});
