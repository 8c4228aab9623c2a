import type { ConstraintVocabulary } from '../constraint/constraint-compiler.js';
import type { MatchState } from '../grammar/match-state.js';
import type { Recogniser } from '../grammar/recogniser.js';

/**
 * The tokens that may follow a state, by trying each of them, and the fewest tokens that complete a text with it, itself
 * included: nothing is shared, kept or bounded. Ascending ids.
 */
export function tryEachToken(
  recogniser: Recogniser,
  state: MatchState,
  { bytesOf, endTokenIds }: ConstraintVocabulary,
): { id: number; fewestTokens: number }[] {
  const spellings = new Set(bytesOf.flatMap((bytes) => (bytes === null ? [] : [spell(bytes)])));
  return bytesOf.flatMap((bytes, id) => {
    if (endTokenIds.includes(id)) return state.isAccepting ? [{ id, fewestTokens: 1 }] : [];
    const after = bytes === null ? null : follow(recogniser, state, bytes);
    if (after === null) return [];
    const rest = Math.min(after.bytesToEnd + 1, tokensOfShortestRest(recogniser, after, spellings));
    return [{ id, fewestTokens: 1 + rest }];
  });
}

export function follow(recogniser: Recogniser, state: MatchState, bytes: Uint8Array): MatchState | null {
  let at: MatchState | null = state;
  for (const byte of bytes) at = at === null ? null : recogniser.step(at, byte);
  return at;
}

function tokensOfShortestRest(
  recogniser: Recogniser,
  state: MatchState,
  spellings: ReadonlySet<string>,
): number {
  const rest: number[] = [];
  let at: MatchState = state;
  for (let byte = recogniser.shortestByte(at); byte !== null; byte = recogniser.shortestByte(at)) {
    rest.push(byte);
    at = recogniser.step(at, byte) ?? at;
  }
  /** By the bytes that are left. */
  const fewest = [at.readings.length > 0 ? 1 : 0];
  for (let left = 1; left <= rest.length; left += 1) {
    const from = rest.length - left;
    const ways = Array.from({ length: left }, (_, index) => index + 1)
      .filter((length) => spellings.has(spell(rest.slice(from, from + length))))
      .map((length) => 1 + (fewest[left - length] ?? Infinity));
    fewest.push(Math.min(...ways));
  }
  return fewest[rest.length] ?? Infinity;
}

function spell(bytes: Iterable<number>): string {
  return [...bytes].join();
}
