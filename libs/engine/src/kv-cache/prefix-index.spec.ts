import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PrefixIndex, type PrefixText } from './prefix-index.js';

const BLOCK_TOKENS = 2;

const textOf = (salt: string, ...tokens: number[]): PrefixText => ({
  salt,
  tokenIds: Int32Array.from(tokens),
});
const blocksIn = ({ tokenIds }: PrefixText) => Math.floor(tokenIds.length / BLOCK_TOKENS);
const beginning = ({ salt, tokenIds }: PrefixText, blocks: number) =>
  `${salt}:${tokenIds.subarray(0, blocks * BLOCK_TOKENS).join()}`;

/** An index, and a store that remembers of which text's beginning each block was saved, and how. */
function createIndex(blocks: number) {
  const index = new PrefixIndex(blocks, BLOCK_TOKENS);
  const store = new Map<number, { readonly beginning: string; readonly isPure: boolean }>();
  const keep = (text: PrefixText, blockCount = blocksIn(text), pureBlocks = blockCount) =>
    index.keep(text, { blockCount, pureBlocks }, (at, block) => {
      store.set(block, { beginning: beginning(text, at + 1), isPure: at < pureBlocks });
    });
  const find = (text: PrefixText, maxBlocks = blocksIn(text)) => {
    const { blocks: found, pure } = index.find(text, maxBlocks);
    return { found: found.map((block) => store.get(block)), pure };
  };
  const lengthOf = (text: PrefixText) => find(text).found.length;
  return { index, keep, find, lengthOf };
}

describe('the prefix index', () => {
  it('finds the longest beginning that two texts share, within the bound asked for', () => {
    const { keep, lengthOf, find } = createIndex(9);
    keep(textOf('', 1, 2, 3, 4, 5, 6));
    expect(lengthOf(textOf('', 1, 2, 3, 4, 9, 9, 5, 6))).toBe(2);
    expect(lengthOf(textOf('', 1, 9, 3, 4))).toBe(0);
    expect(find(textOf('', 1, 2, 3, 4, 5, 6), 1).found).toHaveLength(1);
  });

  it('tells tokens apart that are alike in their low bytes', () => {
    const { keep, lengthOf } = createIndex(9);
    keep(textOf('', 1, 2));
    expect(lengthOf(textOf('', 1, 2 + 256))).toBe(0);
    expect(lengthOf(textOf('', 1 + 65536, 2))).toBe(0);
  });

  it('reads the tokens it is given, not the buffer they lie in', () => {
    const { keep, lengthOf } = createIndex(9);
    keep({ salt: '', tokenIds: Int32Array.of(7, 7, 1, 2).subarray(2) });
    expect(lengthOf(textOf('', 1, 2))).toBe(1);
  });

  it('gives up the end of the text that was used least recently', () => {
    const { keep, lengthOf } = createIndex(4);
    const [old, used, fresh] = [textOf('', 1, 1, 2, 2), textOf('', 3, 3, 4, 4), textOf('', 5, 5)];
    keep(old);
    keep(used);
    expect(lengthOf(used)).toBe(2);
    keep(fresh);
    expect([old, used, fresh].map(lengthOf)).toEqual([1, 2, 1]);
  });

  it('leaves out the end of a text that is longer than the store', () => {
    const { keep, lengthOf } = createIndex(2);
    const long = textOf('', 1, 1, 2, 2, 3, 3);
    keep(long);
    expect(lengthOf(long)).toBe(2);
    keep(textOf('other', 1, 1));
    expect([long, textOf('other', 1, 1)].map(lengthOf)).toEqual([1, 1]);
  });

  it('saves a block again once it is prefilled after all that was decoded', () => {
    const { keep, find } = createIndex(4);
    const text = textOf('', 1, 1, 2, 2);
    keep(text, 2, 1);
    expect(find(text)).toMatchObject({ pure: 1, found: [{ isPure: true }, { isPure: false }] });
    keep(text, 2, 2);
    expect(find(text)).toMatchObject({ pure: 2, found: [{ isPure: true }, { isPure: true }] });
  });

  it('whatever happens finds only what was saved for that very beginning and salt, and counts as pure only what is', () => {
    const text = fc
      .record({ salt: fc.constantFrom('a', 'b'), tokens: fc.array(fc.nat(1), { maxLength: 11 }) })
      .map(({ salt, tokens }) => textOf(salt, ...tokens));
    const anyCall = fc.record({
      kind: fc.constantFrom('keep', 'keep', 'find', 'forget'),
      text,
      first: fc.nat(5),
      second: fc.nat(5),
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.array(anyCall, { maxLength: 40 }), (blocks, calls) => {
        const { index, keep, find } = createIndex(blocks);
        for (const call of calls) {
          const blockCount = Math.min(call.first, blocksIn(call.text));
          if (call.kind === 'keep') keep(call.text, blockCount, Math.min(call.second, blockCount));
          if (call.kind === 'forget') index.forget(call.text, call.first);
          const { found, pure } = find(call.text);
          expect(found.length).toBeLessThanOrEqual(call.kind === 'forget' ? call.first : blocks);
          found.forEach((saved, at) => {
            expect(saved).toEqual({ beginning: beginning(call.text, at + 1), isPure: at < pure });
          });
          const inUse = index.inspect().map(({ block }) => block);
          expect(new Set(inUse).size).toBe(inUse.length);
          expect(inUse.every((block) => block >= 0 && block < blocks)).toBe(true);
          expect(
            index.inspect().every(({ parentBlock }) => parentBlock === null || inUse.includes(parentBlock)),
          ).toBe(true);
          // The least recently used block ends its text, so that giving it up strands no other.
          const parents = new Set(index.inspect().map(({ parentBlock }) => parentBlock));
          expect(inUse.length > 0 && parents.has(inUse[0]!)).toBe(false);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('with room for all finds everything that was kept', () => {
    const tokens = fc.array(fc.nat(1), { maxLength: 9 });
    fc.assert(
      fc.property(fc.array(tokens, { maxLength: 12 }), (kept) => {
        const { keep, lengthOf } = createIndex(100);
        for (const ids of kept) keep(textOf('', ...ids));
        for (const ids of kept) expect(lengthOf(textOf('', ...ids))).toBe(blocksIn(textOf('', ...ids)));
      }),
    );
  });
});
