import { describe, expect, it } from 'vitest';
import { findViolations, type EngineSnapshot } from './engine-invariants.js';

const decoding = {
  id: 'a',
  slot: 0,
  promptTokens: 3,
  processedTokens: 4,
  resumedTokens: 1,
  generatedTokens: 2,
  maxTokens: 5,
};
const replaying = { ...decoding, id: 'b', slot: 1, processedTokens: 2, generatedTokens: 1 };
const sound: EngineSnapshot = {
  contextTokens: 8,
  slots: 2,
  takenSlots: [0, 1],
  sequences: [decoding, replaying],
};

describe('engine invariants', () => {
  it('hold for a sound engine', () => {
    expect(findViolations(sound)).toEqual([]);
  });

  it.each<[string, Partial<EngineSnapshot>]>([
    ['held by a and by b', { sequences: [decoding, { ...replaying, slot: 0 }], takenSlots: [0] }],
    ['counts as free', { takenSlots: [0] }],
    ['no sequence holds it', { sequences: [decoding] }],
    ['holds slot 2 of 2', { sequences: [decoding, { ...replaying, slot: 2 }], takenSlots: [0, 2] }],
    ['exceeds the context', { contextTokens: 4 }],
    ['has 2 of 1 tokens', { sequences: [{ ...decoding, maxTokens: 1 }, replaying] }],
    ['no next token', { sequences: [decoding, { ...replaying, processedTokens: 4 }] }],
    ['3 tokens in the cache, not 4', { sequences: [{ ...decoding, processedTokens: 3 }, replaying] }],
  ])('name what is wrong: %s', (words, change) => {
    expect(findViolations({ ...sound, ...change })).toEqual([expect.stringContaining(words)]);
  });
});
