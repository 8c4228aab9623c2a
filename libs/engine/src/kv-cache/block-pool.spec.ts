import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BlockPool } from './block-pool.js';
import type { PrefixText } from './prefix-tree.js';

const BLOCK_TOKENS = 4;

const textOf = (salt: string, ...tokens: number[]): PrefixText => ({
  salt,
  tokenIds: Int32Array.from(tokens),
});
const upTo = ({ salt, tokenIds }: PrefixText, tokens: number) =>
  textOf(salt, ...tokenIds.subarray(0, tokens));
const spell = ({ salt, tokenIds }: PrefixText) => `${salt}:${tokenIds.join()}`;

/** A pool whose blocks remember what was written to them: of which text, up to where, and how. */
function createPool(blocks: number) {
  const pool = new BlockPool(blocks, BLOCK_TOKENS);
  const content = new Map<number, { readonly text: PrefixText; readonly pureTokens: number }>();
  /** Blocks that hold all of a text, those that are known shared; null where the pool has too few. */
  const take = (text: PrefixText, pureTokens = text.tokenIds.length): number[] | null => {
    const known = pool.find(text, text.tokenIds.length).blocks;
    const table = [...known];
    table.forEach((block) => pool.hold(block));
    while (table.length * BLOCK_TOKENS < text.tokenIds.length) {
      const block = pool.acquire();
      if (block === undefined) {
        giveBack(table);
        return null;
      }
      content.set(block, { text: upTo(text, (table.length + 1) * BLOCK_TOKENS), pureTokens });
      table.push(block);
    }
    return table;
  };
  const giveBack = (table: readonly number[]) => {
    for (const block of table.toReversed()) pool.release(block);
  };
  const keep = (text: PrefixText, pureTokens = text.tokenIds.length) => {
    const table = take(text, pureTokens);
    if (table === null) return;
    pool.publish(text, table, pureTokens);
    giveBack(table);
  };
  const lengthOf = (text: PrefixText) => pool.find(text, text.tokenIds.length).blocks.length;
  return { pool, content, take, giveBack, keep, lengthOf };
}

const A = [1, 1, 1, 1];
const B = [2, 2, 2, 2];
const C = [3, 3, 3, 3];

describe('the block pool', () => {
  it('finds the longest beginning that two texts share, within the bound asked for', () => {
    const { pool, keep, lengthOf } = createPool(9);
    keep(textOf('', ...A, ...B, ...C));
    expect(lengthOf(textOf('', ...A, ...B, 9, 9, 9, 9, ...C))).toBe(2);
    expect(lengthOf(textOf('', ...B, ...C))).toBe(0);
    expect(pool.find(textOf('', ...A, ...B, ...C), 11).blocks).toHaveLength(2);
  });

  it('tells tokens apart that are alike in their low bytes, and texts of other salts', () => {
    const { keep, lengthOf } = createPool(9);
    keep(textOf('', 1, 2, 3, 4));
    expect(lengthOf(textOf('', 1, 2, 3, 4 + 256))).toBe(0);
    expect(lengthOf(textOf('', 1 + 65536, 2, 3, 4))).toBe(0);
    expect(lengthOf(textOf('other', 1, 2, 3, 4))).toBe(0);
  });

  it('reads the tokens it is given, not the buffer they lie in', () => {
    const { keep, lengthOf } = createPool(9);
    keep({ salt: '', tokenIds: Int32Array.of(7, 7, ...A).subarray(2) });
    expect(lengthOf(textOf('', ...A))).toBe(1);
  });

  it('gives up the end of the text that was released least recently', () => {
    const { keep, lengthOf } = createPool(4);
    const [old, used, fresh] = [textOf('', ...A, ...B), textOf('', ...B, ...C), textOf('', ...C)];
    for (const text of [old, used, fresh]) keep(text);
    expect([old, used, fresh].map(lengthOf)).toEqual([1, 2, 1]);
  });

  it('gives up nothing that is held, and has none left when all are', () => {
    const { pool, take } = createPool(3);
    const table = take(textOf('', ...A, ...B, ...C))!;
    pool.publish(textOf('', ...A, ...B, ...C), table, 12);
    expect([pool.available, pool.acquire()]).toEqual([0, undefined]);
    pool.release(table.at(-1)!);
    expect([pool.available, pool.acquire()]).toEqual([1, table.at(-1)]);
  });

  it('shares the beginning of a block, in whole pairs', () => {
    const { pool, keep } = createPool(4);
    keep(textOf('', ...A, 5, 6, 7));
    expect(pool.findTail(textOf('', ...A, 5, 6, 7, 8), 8)).toMatchObject({ tokens: 2, isPure: true });
    expect(pool.findTail(textOf('', ...A, 5, 9), 6)).toBe(null);
    keep(textOf('', ...B), 0);
    expect(pool.findTail(textOf('', 2, 2, 2, 9), 4)).toMatchObject({ tokens: 2, isPure: false });
    expect(pool.findTail(textOf('', 2, 2, 2, 9), 1)).toBe(null);
  });

  it('holds a text in blocks that were prefilled, once there are any', () => {
    const { pool, take, giveBack } = createPool(4);
    const text = textOf('', ...A, ...B);
    const decoded = take(text)!;
    pool.publish(text, decoded, 4);
    expect(pool.find(text, 8)).toEqual({ blocks: decoded, pureBlocks: 1 });
    const prefilled = [pool.acquire()!, pool.acquire()!];
    pool.publish(text, prefilled, 8);
    expect(pool.find(text, 8)).toEqual({ blocks: [decoded[0], prefilled[1]], pureBlocks: 2 });
    giveBack([...decoded, ...prefilled]);
    expect(pool.inspect().free).toContain(decoded[1]);
  });

  it('names a block that is let go once too often', () => {
    const { pool } = createPool(1);
    expect(() => pool.release(0)).toThrow(/Block 0 is released but not held/u);
    expect(() => pool.hold(0)).toThrow(/Block 0 is held, but holds nothing/u);
  });
});

interface Taken {
  readonly text: PrefixText;
  readonly table: readonly number[];
  readonly pureTokens: number;
}

/** Each block is free, cached or held by as many as take it. */
function expectSoundStates(pool: BlockPool, running: readonly Taken[]) {
  const { references, free, cached, prefixBlocks } = pool.inspect();
  const known = new Set(prefixBlocks.map(({ block }) => block));
  expect(known.size).toBe(prefixBlocks.length);
  references.forEach((count, block) => {
    const holders = running.filter(({ table }) => table.includes(block)).length;
    const isCached = holders === 0 && known.has(block);
    expect([count, free.includes(block), cached.includes(block)]).toEqual([
      holders,
      holders === 0 && !isCached,
      isCached,
    ]);
  });
  expect(pool.available).toBe(free.length + cached.length);
}

describe('whatever is taken, published, given back and forgotten', () => {
  const anyText = fc
    .record({
      salt: fc.constantFrom('a', 'a', 'a', 'b'),
      tokens: fc.array(fc.constantFrom(0, 0, 0, 0, 1), { minLength: 1, maxLength: 19 }),
    })
    .map(({ salt, tokens }) => textOf(salt, ...tokens));
  const anyCall = fc.record({
    kind: fc.constantFrom('take', 'take', 'publish', 'publish', 'give back', 'give back', 'forget'),
    text: anyText,
    at: fc.nat(30),
    tokens: fc.integer({ min: 2, max: 19 }),
    pureTokens: fc.integer({ min: 0, max: 30 }),
  });

  it('each block has one state, and what is found was written for that very beginning and salt', () => {
    const found = { blocks: 0, pureBlocks: 0, tails: 0 };
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.array(anyCall, { minLength: 20, maxLength: 80 }),
        (blocks, calls) => {
          const { pool, content, take, giveBack } = createPool(blocks);
          const running: Taken[] = [];
          const takeOne = (text: PrefixText, mostPure: number) => {
            const { blocks: known, pureBlocks } = pool.find(text, text.tokenIds.length);
            const shared = pureBlocks * BLOCK_TOKENS;
            // What comes after a block that was decoded is not the same bits either.
            const pureTokens = pureBlocks < known.length ? shared : Math.max(shared, mostPure);
            const table = take(text, pureTokens);
            if (table !== null) running.push({ text, table, pureTokens });
          };
          for (const { kind, text, at, tokens, pureTokens } of calls) {
            const one = running[at % Math.max(1, running.length)];
            if (kind === 'take') takeOne(text, pureTokens);
            if (kind === 'forget') pool.forget(at % blocks);
            if (kind === 'publish' && one !== undefined) {
              pool.publish(upTo(one.text, tokens), one.table, one.pureTokens);
            }
            if (kind === 'give back' && one !== undefined) {
              giveBack(one.table);
              running.splice(running.indexOf(one), 1);
            }
            expectSoundStates(pool, running);

            const prefix = pool.find(text, text.tokenIds.length);
            const tail = pool.findTail(text, text.tokenIds.length);
            const wholeTokens = prefix.blocks.length * BLOCK_TOKENS;
            const claims = prefix.blocks.map((block, index) => ({
              block,
              end: (index + 1) * BLOCK_TOKENS,
              isPure: index < prefix.pureBlocks,
            }));
            if (tail !== null) claims.push({ ...tail, end: wholeTokens + tail.tokens });
            for (const { block, end, isPure } of claims) {
              const written = content.get(block)!;
              expect(spell(upTo(written.text, end))).toBe(spell(upTo(text, end)));
              expect(isPure && written.pureTokens < end).toBe(false);
            }
            found.blocks += prefix.blocks.length;
            found.pureBlocks += prefix.pureBlocks;
            found.tails += tail === null ? 0 : 1;
          }
        },
      ),
      { numRuns: 200 },
    );
    expect(Math.min(found.blocks, found.pureBlocks, found.tails)).toBeGreaterThan(50);
  });

  it('with room for all everything is found that was kept', () => {
    const anyTokens = fc.array(fc.nat(1), { maxLength: 17 });
    fc.assert(
      fc.property(fc.array(anyTokens, { maxLength: 12 }), (kept) => {
        const { keep, lengthOf } = createPool(100);
        const texts = kept.map((tokens) => textOf('', ...tokens));
        texts.forEach((text) => keep(text));
        const whole = texts.map(({ tokenIds }) => Math.floor(tokenIds.length / BLOCK_TOKENS));
        expect(texts.map(lengthOf)).toEqual(whole);
      }),
    );
  });
});
