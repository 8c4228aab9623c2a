import type { TopLogits } from '../ports/token-logits.js';

/** The key and value of a position, as far as a script needs them: a hash of all that went into them. */
export type Entry = number;

/** Which kernel ran a token, since each rounds otherwise. */
export const Kernel = { prefill: 0, loneRow: 1, shiftedChunk: 2, exactDecode: 3 } as const;

/** The entry of a token behind others. One that was spoiled spoils all that follow it. */
export function entryOf(before: readonly Entry[], tokenId: number, kernel: number): Entry {
  return mix(mix(before.reduce(mix, 0), tokenId + 1), kernel);
}

/** Logits from -4 to 4 that follow from a position's entry alone. */
export function logitsOf(entry: Entry, vocabSize: number): Float32Array {
  return Float32Array.from({ length: vocabSize }, (_, id) => ((mix(entry, id) >>> 0) / 2 ** 32) * 8 - 4);
}

/** By sorting all of it. */
export function topLogitsOf(row: Float32Array, count: number): TopLogits {
  const ids = [...row.keys()].toSorted((a, b) => row[b]! - row[a]! || a - b).slice(0, count);
  const best = row[ids[0]!]!;
  const total = row.reduce((sum, logit) => sum + Math.exp(logit - best), 0);
  return {
    tokenIds: Int32Array.from(ids),
    logits: Float32Array.from(ids, (id) => row[id]!),
    logSumExp: Math.fround(best + Math.log(total)),
  };
}

function mix(hash: number, value: number): number {
  if (Number.isNaN(hash) || Number.isNaN(value)) return NaN;
  let mixed = Math.imul(hash ^ value, 0x01000193) + 0x9e3779b9;
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
  return mixed ^ (mixed >>> 13);
}
