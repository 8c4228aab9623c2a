import type { PrefillChunk } from '#engine';
import { ROWS_PER_TILE, wholeTiles } from './row-tiles.js';

export interface ChunkPlan {
  /** Tokens to run: those of the chunk, and one of padding behind an odd number of them. */
  readonly tokens: number;
  /** Of how many of its last positions the run gives logits. */
  readonly keptPositions: number;
}

/**
 * For an exact step a chunk of an odd number of tokens is padded with one behind it, like a decode's padding row: causal
 * attention keeps it from the tokens before it, and what it leaves in the cache is overwritten next. At the very end
 * of the context there is no room for it. The logits kept make whole tiles too, since the head takes rows likewise.
 *
 * @param keepsFew the model can leave out the logits of all but the last positions
 */
export function planChunk(
  { tokenIds, startPosition, logitPositions }: PrefillChunk,
  {
    contextTokens,
    keepsFew,
    exact,
  }: { readonly contextTokens: number; readonly keepsFew: boolean; readonly exact: boolean },
): ChunkPlan {
  const given = tokenIds.length;
  const tokens = exact ? Math.min(wholeTiles(given), contextTokens - startPosition) : given;
  if (!keepsFew) return { tokens, keptPositions: tokens };
  const wanted = Math.max(1, logitPositions) + tokens - given;
  const kept = exact ? Math.max(ROWS_PER_TILE, wholeTiles(wanted)) : wanted;
  return { tokens, keptPositions: Math.min(tokens, kept) };
}
