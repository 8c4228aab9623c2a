import { describe, expect, it } from 'vitest';
import { BlockPool } from './block-pool.js';
import { BlockTable } from './block-table.js';

const BLOCK = 4;

const textOf = (...tokens: number[]) => ({ salt: '', tokenIds: Int32Array.from(tokens) });

function createTables(blocks: number) {
  const pool = new BlockPool(blocks, BLOCK);
  /** A table that has computed and published a text. */
  const computed = (...tokens: number[]) => {
    const table = new BlockTable(pool);
    expect(table.grow(0, tokens.length)).toBe(true);
    table.prefilled(0, tokens.length);
    table.publish(textOf(...tokens));
    return table;
  };
  /** A table that starts from what is known of a text's first tokens. */
  const sharing = (...tokens: number[]) => {
    const [table, text] = [new BlockTable(pool), textOf(...tokens)];
    const [known, tail] = [pool.find(text, tokens.length), pool.findTail(text, tokens.length)];
    return { table, end: table.share(known, tail, { start: 0, repeatable: true }) };
  };
  const blocksOf = (table: BlockTable) => table.inspect().blocks;
  const tailTokens = (...tokens: number[]) => pool.findTail(textOf(...tokens), tokens.length)?.tokens ?? 0;
  return { pool, computed, sharing, blocksOf, tailTokens };
}

describe('a block table', () => {
  it('writes on in its own block while others share its beginning, and they into copies', () => {
    const { pool, computed, sharing, blocksOf } = createTables(9);
    const owner = computed(1, 2, 3, 4, 5, 6);
    const [whole, last] = blocksOf(owner);
    const { table, end } = sharing(1, 2, 3, 4, 5, 6);
    expect([end, blocksOf(table)]).toEqual([6, [whole, last]]);
    expect([owner.grow(6, 7), owner.copy]).toEqual([true, null]);
    expect(table.grow(6, 7)).toBe(true);
    expect(table.copy).toEqual({ from: last, to: blocksOf(table)[1] });
    expect(pool.references(last!)).toBe(2);
    table.copied();
    expect(pool.references(last!)).toBe(1);
  });

  it('publishes nothing of a copy that is still to be made, and lets its source go when it leaves', () => {
    const { pool, computed, sharing, blocksOf } = createTables(9);
    const owner = computed(1, 2, 3, 4, 5, 6, 7, 8);
    const { table, end } = sharing(1, 2, 3, 4, 5, 6);
    table.grow(end, end + 1);
    const copy = blocksOf(table)[1]!;
    table.publish(textOf(1, 2, 3, 4, 5, 6));
    expect(pool.publishedTokens(copy)).toBe(0);
    table.release();
    owner.release();
    expect(pool.available).toBe(9);
  });

  it('takes over the end of a text that nobody holds, and others find it no more before it is computed', () => {
    const { computed, sharing, tailTokens } = createTables(9);
    computed(1, 2, 3, 4, 5, 6).release();
    const { table, end } = sharing(1, 2, 3, 4, 5, 6);
    expect(tailTokens(1, 2, 3, 4, 5, 6)).toBe(2);
    // It goes back by a pair, whose logits it wants.
    expect([table.grow(end - 2, end), table.copy, tailTokens(1, 2, 3, 4, 5, 6)]).toEqual([true, null, 0]);
    table.publish(textOf(1, 2, 3, 4, 5, 6));
    expect(tailTokens(1, 2, 3, 4, 5, 6)).toBe(2);
  });

  it('that shared the beginning of a block and leaves takes nothing of it away', () => {
    const { pool, computed, sharing } = createTables(9);
    computed(1, 2, 3, 4, 5, 6, 7, 8).release();
    const { table, end } = sharing(1, 2, 0, 0);
    expect(end).toBe(2);
    table.publish(textOf(1, 2));
    table.release();
    expect(pool.find(textOf(1, 2, 3, 4, 5, 6, 7, 8), 8).blocks).toHaveLength(2);
  });

  it('grows by all it asks for or by nothing', () => {
    const { pool, computed, blocksOf } = createTables(3);
    const table = computed(1, 2, 3, 4);
    expect([table.grow(4, 13), table.size, pool.available]).toEqual([false, 1, 2]);
    expect([table.grow(4, 12), table.size, pool.available]).toEqual([true, 3, 0]);
    expect(new Set(blocksOf(table)).size).toBe(3);
  });

  it('waits where a shared block has to be copied and no other is left', () => {
    const { computed, sharing, pool } = createTables(1);
    const owner = computed(1, 2);
    const { table, end } = sharing(1, 2);
    expect([end, table.grow(2, 3), table.copy, pool.available]).toEqual([2, false, null, 0]);
    owner.release();
    expect([table.grow(2, 3), table.copy]).toEqual([true, null]);
  });
});
