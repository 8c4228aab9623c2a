import { describe, expect, it } from 'vitest';
import { findViolations } from './engine-invariants.js';
import type { EngineSnapshot } from './engine-snapshot.js';
import type { BlockCacheSnapshot, SlotCacheSnapshot } from './ports/cache-snapshot.js';

const decoding = {
  id: 'a',
  admission: 3,
  promptTokens: 3,
  processedTokens: 4,
  replayEnd: 4,
  generatedTokens: 2,
  maxTokens: 5,
};
const replaying = {
  ...decoding,
  id: 'b',
  admission: 4,
  processedTokens: 2,
  generatedTokens: 1,
};
const waiting = { ...replaying, id: 'c', admission: 5, processedTokens: 0 };
const placesOf = (...admissions: number[]) => admissions.map((admission, slot) => ({ admission, slot }));
const cache: SlotCacheSnapshot = {
  layout: 'slots',
  slots: 2,
  takenSlots: [0, 1],
  places: placesOf(3, 4),
  cacheTokens: 9,
  residentTokens: [6, 3],
  blocks: 3,
  prefixBlocks: [
    { block: 2, parentBlock: null, isPure: true },
    { block: 0, parentBlock: 2, isPure: false },
  ],
};
const sound: EngineSnapshot = {
  contextTokens: 8,
  cache,
  sequences: [decoding, replaying],
  preempted: [waiting],
};

describe('engine invariants', () => {
  it('hold for a sound engine', () => {
    expect(findViolations(sound)).toEqual([]);
  });

  it.each<[string, Partial<EngineSnapshot>]>([
    ['exceeds the context', { contextTokens: 4 }],
    ['has 2 of 1 tokens', { sequences: [{ ...decoding, maxTokens: 1 }, replaying] }],
    [
      'no next token',
      { sequences: [decoding, { ...replaying, replayEnd: 3, processedTokens: 3, generatedTokens: 0 }] },
    ],
    ['3 tokens in the cache, not 4', { sequences: [{ ...decoding, processedTokens: 3 }, replaying] }],
    [
      'a comes before b, which is older',
      { sequences: [decoding, { ...replaying, admission: 2 }], cache: { ...cache, places: placesOf(3, 2) } },
    ],
    ['b comes before c, which is older', { preempted: [{ ...waiting, admission: 1 }] }],
    ['c was preempted, but counts tokens', { preempted: [{ ...waiting, processedTokens: 1 }] }],
  ])('name what is wrong with a sequence: %s', (words, change) => {
    expect(findViolations({ ...sound, ...change })).toEqual([expect.stringContaining(words)]);
  });

  it.each<[string, Partial<SlotCacheSnapshot>]>([
    [
      'held by a and by b',
      {
        places: [
          { admission: 3, slot: 0 },
          { admission: 4, slot: 0 },
        ],
        takenSlots: [0],
      },
    ],
    ['b holds slot 1, which counts as free', { takenSlots: [0] }],
    ['no sequence holds it', { slots: 3, takenSlots: [0, 1, 2] }],
    [
      'b holds slot 2 of 2',
      {
        places: [
          { admission: 3, slot: 0 },
          { admission: 4, slot: 2 },
        ],
        takenSlots: [0, 2],
        residentTokens: [4, 0, 2],
      },
    ],
    ['9 tokens are in memory for 8', { cacheTokens: 8 }],
    ['a has 4 tokens in slot 0, which counts 3', { residentTokens: [3, 3] }],
    ['holds two texts', { prefixBlocks: [cache.prefixBlocks[0]!, cache.prefixBlocks[0]!] }],
    ['block 3 of 3 is in use', { prefixBlocks: [{ block: 3, parentBlock: null, isPure: true }] }],
    ['follows 2, which is not in use', { prefixBlocks: [{ block: 0, parentBlock: 2, isPure: false }] }],
    [
      'pure, but follows one that is not',
      {
        prefixBlocks: [
          { block: 2, parentBlock: null, isPure: false },
          { block: 0, parentBlock: 2, isPure: true },
        ],
      },
    ],
  ])('name what is wrong with slots: %s', (words, change) => {
    const snapshot = { ...sound, cache: { ...cache, ...change } };
    expect(findViolations(snapshot)).toEqual([expect.stringContaining(words)]);
  });
});

describe('the invariants of blocks', () => {
  // `a` and `b` share block 0; `b` writes into a copy of block 3, which is known and held for that.
  const blocks: BlockCacheSnapshot = {
    layout: 'blocks',
    blocks: 6,
    blockTokens: 2,
    tables: [
      { admission: 3, blocks: [0, 1], copySource: null },
      { admission: 4, blocks: [0, 2], copySource: 3 },
    ],
    references: [2, 1, 1, 1, 0, 0],
    free: [5],
    cached: [4],
    prefixBlocks: [
      { block: 0, parentBlock: null, isPure: true },
      { block: 3, parentBlock: 0, isPure: false },
      { block: 4, parentBlock: 0, isPure: true },
    ],
  };

  it('hold for a sound pool', () => {
    expect(findViolations({ ...sound, cache: blocks })).toEqual([]);
  });

  it.each<[string, Partial<BlockCacheSnapshot>]>([
    ['block 0 counts 1 holders, not 2', { references: [1, 1, 1, 1, 0, 0] }],
    ['block 2 is held and free', { free: [5, 2] }],
    ['block 5 is lost', { free: [] }],
    ['block 5 is free and free', { free: [5, 5] }],
    ['block 5 is cached, but what it holds is not known', { free: [], cached: [4, 5] }],
    ['block 4 is free, but known', { free: [4, 5], cached: [] }],
    ['b has no table', { tables: [blocks.tables[0]!], references: [1, 1, 0, 0, 0, 0], free: [5, 2, 3] }],
    ['a table of 9', { tables: [...blocks.tables, { admission: 9, blocks: [], copySource: null }] }],
    [
      'a has 4 tokens in blocks for 2',
      { tables: [{ ...blocks.tables[0]!, blocks: [0] }, blocks.tables[1]!] },
    ],
    [
      'a has a block twice',
      {
        tables: [{ ...blocks.tables[0]!, blocks: [0, 1, 1] }, blocks.tables[1]!],
        references: [2, 2, 1, 1, 0, 0],
      },
    ],
    ['a holds block 6 of 6', { tables: [{ ...blocks.tables[0]!, blocks: [0, 1, 6] }, blocks.tables[1]!] }],
  ])('name what is wrong with them: %s', (words, change) => {
    expect(findViolations({ ...sound, cache: { ...blocks, ...change } })).toContainEqual(
      expect.stringContaining(words),
    );
  });
});
