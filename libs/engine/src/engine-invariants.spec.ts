import { describe, expect, it } from 'vitest';
import { findViolations, type EngineSnapshot } from './engine-invariants.js';

const decoding = {
  id: 'a',
  slot: 0,
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
  slot: 1,
  admission: 4,
  processedTokens: 2,
  generatedTokens: 1,
};
const waiting = { ...replaying, id: 'c', admission: 5, processedTokens: 0 };
const cache = {
  slots: 2,
  takenSlots: [0, 1],
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
    ['a comes before b, which is older', { sequences: [decoding, { ...replaying, admission: 2 }] }],
    ['b comes before c, which is older', { preempted: [{ ...waiting, admission: 1 }] }],
    ['c was preempted, but counts tokens', { preempted: [{ ...waiting, processedTokens: 1 }] }],
  ])('name what is wrong with a sequence: %s', (words, change) => {
    expect(findViolations({ ...sound, ...change })).toEqual([expect.stringContaining(words)]);
  });

  it.each<[string, Partial<EngineSnapshot>, Partial<typeof cache>]>([
    ['held by a and by b', { sequences: [decoding, { ...replaying, slot: 0 }] }, { takenSlots: [0] }],
    ['counts as free', {}, { takenSlots: [0] }],
    ['no sequence holds it', { sequences: [decoding] }, {}],
    [
      'holds slot 2 of 2',
      { sequences: [decoding, { ...replaying, slot: 2 }] },
      { takenSlots: [0, 2], residentTokens: [4, 0, 2] },
    ],
    ['9 tokens are in memory for 8', {}, { cacheTokens: 8 }],
    ['a has 4 tokens in slot 0, which counts 3', {}, { residentTokens: [3, 3] }],
    ['holds two texts', {}, { prefixBlocks: [cache.prefixBlocks[0]!, cache.prefixBlocks[0]!] }],
    ['block 3 of 3 is in use', {}, { prefixBlocks: [{ block: 3, parentBlock: null, isPure: true }] }],
    ['follows 2, which is not in use', {}, { prefixBlocks: [{ block: 0, parentBlock: 2, isPure: false }] }],
    [
      'pure, but follows one that is not',
      {},
      {
        prefixBlocks: [
          { block: 2, parentBlock: null, isPure: false },
          { block: 0, parentBlock: 2, isPure: true },
        ],
      },
    ],
  ])('name what is wrong with the cache: %s', (words, change, cacheChange) => {
    const snapshot = { ...sound, ...change, cache: { ...cache, ...cacheChange } };
    expect(findViolations(snapshot)).toEqual([expect.stringContaining(words)]);
  });
});
