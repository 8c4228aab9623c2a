import { describe, expect, it } from 'vitest';
import type { PagedRow } from '#engine';
import { checkCopies, checkPagedStep } from './check-paged-step.js';

const INFO = {
  vocabSize: 100,
  contextTokens: 64,
  sequences: 3,
  stepTokens: 40,
  blockTokens: 32,
  blocks: 8,
  topLogits: 10,
  kvCacheBytes: 1,
};

const row = (fields: Partial<PagedRow> = {}): PagedRow => ({
  blocks: [0, 1],
  tokenIds: Int32Array.of(1, 2, 3),
  startPosition: 40,
  logitPositions: 1,
  logits: 'top',
  ...fields,
});
const check = (...rows: readonly PagedRow[]) => checkPagedStep({ rows, exact: false }, INFO);

describe('a paged step', () => {
  it('may share blocks that are only read', () => {
    expect(() => check(row(), row({ blocks: [0, 2] }), row({ blocks: [0, 3] }))).not.toThrow();
  });

  it.each<[string, readonly PagedRow[], string]>([
    ['no rows', [], 'A step of 0 rows; it may have 1 to 3.'],
    ['too many rows', [0, 2, 4, 6].map((block) => row({ blocks: [block, block + 1] })), '4 rows'],
    [
      'too many tokens',
      [row({ tokenIds: new Int32Array(41), startPosition: 0 })],
      '41 tokens; it may have 40',
    ],
    ['a row without tokens', [row({ tokenIds: new Int32Array() })], 'Row 0 has no tokens.'],
    ['more logits than tokens', [row({ logitPositions: 4 })], 'logits of 4 of them make no sense'],
    ['a position behind the context', [row({ startPosition: 62 })], 'from position 62 to 65'],
    ['a position before the text', [row({ startPosition: -1 })], 'from position -1'],
    [
      'too few blocks',
      [row({ blocks: [0] })],
      'Row 0 has 1 blocks of 32 tokens; it needs them up to token 43.',
    ],
    ['a block that is not there', [row({ blocks: [0, 8] })], 'Row 0 names block 8; there are 0 to 7.'],
    ['a token that is not there', [row({ tokenIds: Int32Array.of(1, 100) })], 'token 100'],
    [
      'two rows that write to one block',
      [row(), row({ blocks: [2, 1] })],
      'Rows 0 and 1 both write to block 1.',
    ],
  ])('is refused with %s', (_, rows, message) => {
    expect(() => check(...rows)).toThrow(message);
  });
});

describe('copies of blocks', () => {
  it('may read one block many times', () => {
    const copies = [2, 3, 4].map((to) => ({ from: 1, to }));
    expect(() => checkCopies(copies, 8)).not.toThrow();
  });

  it.each([
    [[{ from: 0, to: 8 }], 'A copy names block 8'],
    [[{ from: 0, to: 1 }, { from: 2, to: 1 }], 'The copy of block 2 to 1'], // prettier-ignore
    [[{ from: 0, to: 1 }, { from: 1, to: 2 }], 'The copy of block 1 to 2'], // prettier-ignore
  ])('%o are refused', (copies, message) => {
    expect(() => checkCopies(copies, 8)).toThrow(message);
  });
});
