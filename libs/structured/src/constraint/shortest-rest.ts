import type { MatchState } from '../grammar/match-state.js';
import type { Recogniser } from '../grammar/recogniser.js';
import { childOf, ROOT, type TokenTrie } from './token-trie.js';

/** Longer rests are not spelled: one token a byte is an upper bound, and counts like `minItems` multiply. */
const MAX_SPELLED_BYTES = 16_384;

/**
 * Tokens that complete a text from each state, by the shortest rest in bytes: its fewest tokens, and an end token where
 * the text could go on. Every state on that way has one less than the token before it, so a sequence that can afford a
 * state's rest can always afford a next token.
 */
export class ShortestRests {
  readonly #recogniser: Recogniser;
  readonly #trie: TokenTrie;
  readonly #tokens = new WeakMap<MatchState, number>();

  constructor(recogniser: Recogniser, trie: TokenTrie) {
    this.#recogniser = recogniser;
    this.#trie = trie;
  }

  /** At most `state.bytesToEnd + 1`, as every byte is a token. */
  tokensFrom(state: MatchState): number {
    const known = this.#tokens.get(state);
    if (known !== undefined) return known;
    if (state.bytesToEnd > MAX_SPELLED_BYTES) return state.bytesToEnd + 1;
    const { states, bytes } = this.#shortestWay(state);
    for (let at = bytes.length; at >= 0; at -= 1) {
      const from = states[at];
      if (from === undefined || this.#tokens.has(from)) continue;
      this.#tokens.set(from, at === bytes.length ? endTokens(from) : this.#fewest(states, bytes, at));
    }
    return this.#tokens.get(state) ?? Infinity;
  }

  /** As far as tokens reach past where those of the states are known. */
  #shortestWay(state: MatchState): { states: MatchState[]; bytes: number[] } {
    const states = [state];
    const bytes: number[] = [];
    let knownInRow = 0;
    for (let at = state, byte = this.#recogniser.shortestByte(at); byte !== null;) {
      knownInRow = this.#tokens.has(at) ? knownInRow + 1 : 0;
      if (knownInRow > this.#trie.longestToken) break;
      const next = this.#recogniser.step(at, byte);
      if (next === null) throw new Error('A shortest rest leads nowhere');
      bytes.push(byte);
      states.push(next);
      at = next;
      byte = this.#recogniser.shortestByte(at);
    }
    return { states, bytes };
  }

  #fewest(states: readonly MatchState[], bytes: readonly number[], from: number): number {
    let fewest = Infinity;
    let node = ROOT;
    for (let at = from; at < bytes.length; at += 1) {
      node = childOf(this.#trie, node, bytes[at] ?? 0);
      if (node === -1) break;
      const after = states[at + 1];
      if (this.#trie.token[node] === -1 || after === undefined) continue;
      fewest = Math.min(fewest, 1 + (this.#tokens.get(after) ?? Infinity));
    }
    return fewest;
  }
}

function endTokens(state: MatchState): number {
  return state.readings.length > 0 ? 1 : 0;
}
