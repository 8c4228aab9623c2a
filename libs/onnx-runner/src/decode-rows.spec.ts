import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DecodeRow } from '#engine';
import { planDecodeRows } from './decode-rows.js';
import { ROWS_PER_TILE, wholeTiles } from './row-tiles.js';

const CONTEXT = 16;

const decode = (slot: number, position: number): DecodeRow => ({ slot, tokenId: 100 + slot, position });

/** A cache of 2 to 12 rows at any lengths, and decodes of some of the slots that have room. */
const cacheAndDecodes = fc
  .array(fc.record({ length: fc.nat(CONTEXT), decodes: fc.boolean() }), { minLength: 2, maxLength: 12 })
  .map((slots) => slots.slice(0, wholeTiles(slots.length - 1)))
  .map((slots) => ({
    lengths: slots.map(({ length }) => length),
    decodes: slots.flatMap((slot, index) =>
      slot.decodes && slot.length < CONTEXT ? [decode(index, slot.length)] : [],
    ),
  }))
  .filter(({ decodes }) => decodes.length > 0);

describe('planDecodeRows', () => {
  it('takes the tiles from the lowest to the highest slot', () => {
    const plan = planDecodeRows([decode(4, 7), decode(2, 5)], [1, 1, 5, 3, 7, 9], CONTEXT, true);
    expect(plan).toEqual({
      firstSlot: 2,
      rows: [
        { decode: 1, tokenId: 102, position: 5 },
        { decode: undefined, tokenId: 0, position: 3 },
        { decode: 0, tokenId: 104, position: 7 },
        { decode: undefined, tokenId: 0, position: 9 },
      ],
    });
  });

  it('gives a lone row the neighbour of its tile', () => {
    expect(planDecodeRows([decode(2, 3)], [0, 0, 3, 1], CONTEXT, true)).toMatchObject({
      firstSlot: 2,
      rows: [{}, {}],
    });
    expect(planDecodeRows([decode(3, 1)], [0, 0, 3, 1], CONTEXT, true)).toMatchObject({
      firstSlot: 2,
      rows: [{}, {}],
    });
  });

  it('runs a lone row alone, and an odd number unpadded, where last bits may differ', () => {
    const lone = planDecodeRows([decode(3, 1)], [0, 0, 3, 1], CONTEXT, false);
    expect(lone).toEqual({ firstSlot: 3, rows: [{ decode: 0, tokenId: 103, position: 1 }] });
    const three = planDecodeRows([decode(0, 1), decode(1, 1), decode(2, 1)], [1, 1, 1, 0], CONTEXT, false);
    expect(three.rows.map((row) => row.decode)).toEqual([0, 1, 2]);
  });

  it('plans whole tiles, and none outside the cache', () => {
    fc.assert(
      fc.property(cacheAndDecodes, ({ lengths, decodes }) => {
        const { firstSlot, rows } = planDecodeRows(decodes, lengths, CONTEXT, true);
        expect(rows.length % ROWS_PER_TILE).toBe(0);
        expect(firstSlot).toBeGreaterThanOrEqual(0);
        expect(firstSlot + rows.length).toBeLessThanOrEqual(lengths.length);
      }),
    );
  });

  it('plans every decode once, on the row of its slot', () => {
    fc.assert(
      fc.property(cacheAndDecodes, ({ lengths, decodes }) => {
        const { firstSlot, rows } = planDecodeRows(decodes, lengths, CONTEXT, true);
        const planned = rows.flatMap((row, offset) =>
          row.decode === undefined
            ? []
            : [{ slot: firstSlot + offset, tokenId: row.tokenId, position: row.position, index: row.decode }],
        );
        expect(planned.toSorted((a, b) => a.index - b.index)).toEqual(
          decodes.map((row, index) => ({ ...row, index })),
        );
      }),
    );
  });

  it('pads a slot past its tokens, so that none is overwritten, and a full slot on its last', () => {
    fc.assert(
      fc.property(cacheAndDecodes, ({ lengths, decodes }) => {
        const { firstSlot, rows } = planDecodeRows(decodes, lengths, CONTEXT, true);
        const padding = rows.flatMap((row, offset) =>
          row.decode === undefined ? [{ slot: firstSlot + offset, position: row.position }] : [],
        );
        expect(padding).toEqual(
          padding.map(({ slot }) => ({ slot, position: Math.min(lengths[slot] ?? 0, CONTEXT - 1) })),
        );
      }),
    );
  });
});
