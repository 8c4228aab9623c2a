import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planChunk, splitAtAnswers } from './plan-chunk.js';

const CONTEXT = 64;
const KEEPS_FEW = { answersLastOnly: false, numLogitsToKeepShape: [] };
const KEEPS_ALL = { answersLastOnly: false, numLogitsToKeepShape: undefined };

const chunk = (tokens: number, logitPositions: number, startPosition = 0) => ({
  slot: 0,
  tokenIds: Int32Array.from({ length: tokens }, (_, index) => index),
  startPosition,
  logitPositions,
});

const anyChunk = fc
  .record({
    tokens: fc.integer({ min: 1, max: 32 }),
    start: fc.nat(32),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map(({ tokens, start, share }) => chunk(tokens, Math.floor(share * tokens), start));

describe('planChunk', () => {
  it('runs and keeps what is asked where last bits may differ', () => {
    expect(planChunk(chunk(5, 3), CONTEXT, KEEPS_FEW, false)).toEqual({ tokens: 5, keptPositions: 3 });
    expect(planChunk(chunk(5, 0), CONTEXT, KEEPS_FEW, false)).toEqual({ tokens: 5, keptPositions: 1 });
  });

  it('keeps every position where the model can not leave any out', () => {
    expect(planChunk(chunk(5, 1), CONTEXT, KEEPS_ALL, false)).toEqual({ tokens: 5, keptPositions: 5 });
  });

  it('pads nothing past the context', () => {
    expect(planChunk(chunk(1, 1, CONTEXT - 1), CONTEXT, KEEPS_FEW, true).tokens).toBe(1);
  });

  it('takes whole tiles of tokens and logits in an exact step, with all that is asked among the kept', () => {
    fc.assert(
      fc.property(anyChunk, (asked) => {
        const { tokens, keptPositions } = planChunk(asked, 2 * CONTEXT, KEEPS_FEW, true);
        expect([tokens % 2, keptPositions % 2]).toEqual([0, 0]);
        expect(keptPositions - (tokens - asked.tokenIds.length)).toBeGreaterThanOrEqual(asked.logitPositions);
        expect(keptPositions).toBeLessThanOrEqual(tokens);
      }),
    );
  });
});

it('pieces that each end at an answer make up the chunk', () => {
  fc.assert(
    fc.property(anyChunk, (asked) => {
      const pieces = splitAtAnswers(asked);
      expect(pieces.flatMap(({ tokenIds }) => [...tokenIds])).toEqual([...asked.tokenIds]);
      expect(pieces.reduce((sum, { logitPositions }) => sum + logitPositions, 0)).toBe(asked.logitPositions);
      let position = asked.startPosition;
      for (const { startPosition, tokenIds } of pieces) {
        expect(startPosition).toBe(position);
        position += tokenIds.length;
      }
    }),
  );
});
