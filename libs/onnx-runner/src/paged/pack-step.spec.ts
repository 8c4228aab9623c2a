import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PagedRow } from '#engine';
import { EXACT_ROWS, packStep } from './pack-step.js';

const PADDING_BLOCK = 99;

const pagedRow = fc
  .record({
    tokens: fc.integer({ min: 1, max: 50 }),
    startPosition: fc.nat(100),
    wanted: fc.nat(50),
    logits: fc.constantFrom('top' as const, 'full' as const),
    block: fc.nat(98),
  })
  .map(({ tokens, startPosition, wanted, logits, block }) => ({
    blocks: [block],
    tokenIds: Int32Array.from({ length: tokens }, (_, index) => block * 1000 + index),
    startPosition,
    logitPositions: Math.min(wanted, tokens),
    logits,
  }));
const rows = fc.array(pagedRow, { minLength: 1, maxLength: 6 });

/** Every token with its position and block, in the order of the run. */
const placed = (spans: readonly Pick<PagedRow, 'blocks' | 'tokenIds' | 'startPosition'>[]) =>
  spans.flatMap(({ blocks, tokenIds, startPosition }) =>
    Array.from(tokenIds, (tokenId, index) => ({
      tokenId,
      position: startPosition + index,
      block: blocks[0],
    })),
  );

describe('a packed step', () => {
  it('has every token at its position, and the logits that its rows want', () => {
    fc.assert(
      fc.property(rows, fc.boolean(), (step, exact) => {
        const packed = packStep({ rows: step, exact }, PADDING_BLOCK);
        const tokens = placed(packed.spans);
        const own = placed(step);
        expect(tokens.slice(0, own.length)).toEqual(own);
        expect(packed.tokens).toBe(tokens.length);
        expect(packed.contextTokens).toBe(Math.max(...tokens.map(({ position }) => position)) + 1);
        const wanted = step.flatMap(({ tokenIds, logitPositions, logits }) =>
          Array.from(tokenIds.subarray(tokenIds.length - logitPositions), (tokenId) => ({ tokenId, logits })),
        );
        const found = packed.logitTokens.map((place) => tokens[place]!.tokenId);
        expect(found.slice(0, wanted.length)).toEqual(wanted.map(({ tokenId }) => tokenId));
        expect(packed.fullLogits.map((index) => found[index])).toEqual(
          wanted.filter(({ logits }) => logits === 'full').map(({ tokenId }) => tokenId),
        );
        expect(packed.logitTokens.length).toBeGreaterThan(0);
      }),
    );
  });

  it('that is exact has spans of one token and enough rows, padded outside all texts', () => {
    fc.assert(
      fc.property(rows, (step) => {
        const packed = packStep({ rows: step, exact: true }, PADDING_BLOCK);
        expect(packed.spanTokens).toBe(1);
        expect(packed.tokens).toBeGreaterThanOrEqual(EXACT_ROWS);
        expect(packed.logitTokens.length).toBeGreaterThanOrEqual(EXACT_ROWS);
        const padding = placed(packed.spans).slice(placed(step).length);
        for (const { block } of padding) expect(block).toBe(PADDING_BLOCK);
      }),
    );
  });
});
