import type { DecodeRow } from '#engine';
import { ROWS_PER_TILE, wholeTiles } from './row-tiles.js';

/** One row of a batched decode. A row without a decode pads the batch, and its answer is thrown away. */
export interface PlannedRow {
  /** Index into the step's decodes; undefined for a padding row. */
  readonly decode: number | undefined;
  readonly tokenId: number;
  readonly position: number;
}

/** Rows `firstSlot`, `firstSlot + 1`, … of the cache, decoded in one run. */
export interface DecodePlan {
  readonly firstSlot: number;
  readonly rows: readonly PlannedRow[];
}

/**
 * Plans a batched decode as one contiguous range of cache rows, since a run can only look at such a range: from the
 * lowest to the highest slot, and for an exact step on to whole tiles.
 *
 * The slots in between that do not decode are padded. A padding row writes a key and a value too, so it writes them
 * where no token is yet: at its slot's length, the very place its next token will overwrite. In a full slot that
 * place is the last one: whatever comes to that slot next has to recompute its last position anyway.
 *
 * @param lengths tokens in the cache of each row: a whole number of tiles
 */
export function planDecodeRows(
  decodes: readonly DecodeRow[],
  lengths: readonly number[],
  contextTokens: number,
  exact: boolean,
): DecodePlan {
  const slots = decodes.map((row) => row.slot);
  const { firstSlot, count } = exact ? tilesAround(slots) : rangeOf(slots);
  const decodeOfSlot = new Map(slots.map((slot, index) => [slot, index]));
  const rows = Array.from({ length: count }, (_, offset): PlannedRow => {
    const slot = firstSlot + offset;
    const decode = decodeOfSlot.get(slot);
    const row = decode === undefined ? undefined : decodes[decode];
    if (row !== undefined) return { decode, tokenId: row.tokenId, position: row.position };
    return { decode: undefined, tokenId: 0, position: Math.min(lengths[slot] ?? 0, contextTokens - 1) };
  });
  return { firstSlot, rows };
}

interface SlotRange {
  readonly firstSlot: number;
  readonly count: number;
}

function rangeOf(slots: readonly number[]): SlotRange {
  const firstSlot = Math.min(...slots);
  return { firstSlot, count: Math.max(...slots) + 1 - firstSlot };
}

function tilesAround(slots: readonly number[]): SlotRange {
  const { firstSlot, count } = rangeOf(slots);
  const before = firstSlot % ROWS_PER_TILE;
  return { firstSlot: firstSlot - before, count: wholeTiles(before + count) };
}
