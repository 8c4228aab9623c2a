import { describe, expect, it } from 'vitest';
import type { DecodeRow, PrefillChunk } from '#engine';
import { InvalidStepError, checkStep, type StepBounds } from './check-step.js';

const bounds: StepBounds = { slots: 4, contextTokens: 8, vocabSize: 100, lengths: [0, 3, 8, 5] };

const decode = (row: Partial<DecodeRow>): DecodeRow => ({ slot: 1, tokenId: 1, position: 3, ...row });
const prefill = (chunk: Partial<PrefillChunk>): PrefillChunk => ({
  slot: 0,
  tokenIds: Int32Array.of(1, 2),
  startPosition: 0,
  logitPositions: 1,
  ...chunk,
});

describe('checkStep', () => {
  it.each<[string, DecodeRow[], PrefillChunk[]]>([
    ['a decode at the end of a cache beside a new prompt', [decode({})], [prefill({})]],
    [
      'the chunk that fills a context',
      [],
      [prefill({ slot: 3, startPosition: 5, tokenIds: new Int32Array(3) })],
    ],
    ['a new sequence in a slot that held another', [], [prefill({ slot: 2, startPosition: 0 })]],
  ])('lets %s pass', (_, decodes, prefills) => {
    expect(() => checkStep({ decodes, prefills, exact: false }, bounds)).not.toThrow();
  });

  it.each<[string, DecodeRow[], PrefillChunk[], string]>([
    ['a slot past the last', [decode({ slot: 4 })], [], 'Slot 4 is not one of 0 to 3'],
    ['a negative slot', [], [prefill({ slot: -1 })], 'Slot -1 is not one of 0 to 3'],
    ['half a slot', [decode({ slot: 0.5 })], [], 'Slot 0.5 is not one of 0 to 3'],
    ['a slot that decodes and prefills', [decode({})], [prefill({ slot: 1 })], 'Slot 1 appears twice'],
    ['an empty chunk', [], [prefill({ tokenIds: new Int32Array() })], 'chunk of slot 0 has no tokens'],
    ['a full slot', [decode({ slot: 2, position: 8 })], [], 'would hold 9 tokens; the context is 8'],
    ['a prompt over the context', [], [prefill({ tokenIds: new Int32Array(9) })], 'would hold 9 tokens'],
    ['a gap in the cache', [decode({ position: 4 })], [], 'Position 4 of slot 1 does not follow'],
    ['a gap before a chunk', [], [prefill({ startPosition: 1 })], 'Position 1 of slot 0 does not follow'],
    ['a negative position', [decode({ position: -1 })], [], 'Position -1 of slot 1 does not follow'],
    [
      'a token past the vocabulary',
      [decode({ tokenId: 100 })],
      [],
      'Token 100 for slot 1 is not one of 0 to 99',
    ],
    ['a negative token', [], [prefill({ tokenIds: Int32Array.of(5, -2) })], 'Token -2 for slot 0'],
  ])('refuses %s', (_, decodes, prefills, message) => {
    const check = () => checkStep({ decodes, prefills, exact: false }, bounds);
    expect(check).toThrow(InvalidStepError);
    expect(check).toThrow(message);
  });
});
