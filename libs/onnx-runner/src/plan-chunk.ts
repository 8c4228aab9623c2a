import type { PrefillChunk } from '#engine';
import type { ModelContract } from './model-contract.js';
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
 * A model that answers at its last position alone can not be padded where it is asked for logits.
 */
export function planChunk(
  { tokenIds, startPosition, logitPositions }: PrefillChunk,
  contextTokens: number,
  contract: Pick<ModelContract, 'answersLastOnly' | 'numLogitsToKeepShape'>,
  exact: boolean,
): ChunkPlan {
  const given = tokenIds.length;
  if (contract.answersLastOnly && logitPositions > 0) return { tokens: given, keptPositions: 1 };
  const tokens = exact ? Math.min(wholeTiles(given), contextTokens - startPosition) : given;
  if (contract.answersLastOnly) return { tokens, keptPositions: 1 };
  if (contract.numLogitsToKeepShape === undefined) return { tokens, keptPositions: tokens };
  const wanted = Math.max(1, logitPositions) + tokens - given;
  const kept = exact ? Math.max(ROWS_PER_TILE, wholeTiles(wanted)) : wanted;
  return { tokens, keptPositions: Math.min(tokens, kept) };
}

/**
 * The chunk as runs that each end where logits are wanted: for a model that answers at its last position alone. Each
 * piece asks for at most one row.
 */
export function splitAtAnswers(chunk: PrefillChunk): PrefillChunk[] {
  const { tokenIds, startPosition, logitPositions } = chunk;
  if (logitPositions <= 1) return [chunk];
  const firstEnd = tokenIds.length - logitPositions + 1;
  return Array.from({ length: logitPositions }, (_, index) => {
    const start = index === 0 ? 0 : firstEnd + index - 1;
    const piece = tokenIds.subarray(start, firstEnd + index);
    return { ...chunk, tokenIds: piece, startPosition: startPosition + start, logitPositions: 1 };
  });
}
