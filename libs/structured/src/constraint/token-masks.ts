import { GrammarError } from '../grammar/grammar-error.js';
import type { MatchState, Recogniser } from '../grammar/recogniser.js';
import { ShortestRests } from './shortest-rest.js';
import type { TokenTrie } from './token-trie.js';

/** Places that one walk may visit for the first time, about a second of work; ordinary grammars visit thousands. */
const MAX_PLACES_PER_WALK = 1_000_000;
/** Bytes of masks kept for states that may come again, of one grammar. */
const KEPT_MASK_BYTES = 8 * 1024 * 1024;

interface StateMask {
  readonly words: Int32Array;
  /** The most bytes that a text may need after one of the tokens. */
  readonly mostBytesAfter: number;
}

/** Which tokens may follow a state, found by walking vocabulary and grammar side by side; kept for the next time. */
export class TokenMasks {
  readonly #recogniser: Recogniser;
  readonly #trie: TokenTrie;
  readonly #endTokenIds: readonly number[];
  readonly #rests: ShortestRests;
  readonly #kept = new Map<MatchState, StateMask>();
  readonly #maxKept: number;
  /** State before each byte of the walk's branch. */
  readonly #branch: MatchState[] = [];

  constructor(recogniser: Recogniser, trie: TokenTrie, endTokenIds: readonly number[]) {
    this.#recogniser = recogniser;
    this.#trie = trie;
    this.#endTokenIds = endTokenIds;
    this.#rests = new ShortestRests(recogniser, trie);
    this.#maxKept = Math.max(16, Math.floor(KEPT_MASK_BYTES / (4 * wordsFor(trie.vocabSize))));
  }

  /** Tokens of the shortest rest, an end token included. */
  tokensFrom(state: MatchState): number {
    return this.#rests.tokensFrom(state);
  }

  /** Tokens after which the text can still be completed within `remainingTokens`, theirs included. */
  allowed(state: MatchState, remainingTokens: number): Int32Array {
    const all = this.#keep(state);
    // An end token on top of the bytes, each of which is a token.
    if (all.mostBytesAfter + 1 <= remainingTokens - 1) return all.words;
    return this.#walk(state, remainingTokens - 1).words;
  }

  #keep(state: MatchState): StateMask {
    const known = this.#kept.get(state);
    const mask = known ?? this.#walk(state, Infinity);
    this.#kept.delete(state);
    this.#kept.set(state, mask);
    const oldest = this.#kept.keys().next().value;
    if (this.#kept.size > this.#maxKept && oldest !== undefined) this.#kept.delete(oldest);
    return mask;
  }

  #walk(state: MatchState, tokensAfter: number): StateMask {
    const { byte, depth, skipTo, token, vocabSize } = this.#trie;
    const { classOfByte } = this.#recogniser;
    const words = new Int32Array(wordsFor(vocabSize));
    const branch = this.#branch;
    const workLimit = this.#recogniser.placesVisited + MAX_PLACES_PER_WALK;
    let mostBytesAfter = 0;
    branch[0] = state;
    for (let node = 0; node < byte.length;) {
      const level = depth[node] ?? 0;
      const byteClass = classOfByte[byte[node] ?? 0] ?? 0;
      const from = branch[level] ?? state;
      let next = from.next[byteClass];
      if (next === undefined) next = this.#step(from, byteClass, workLimit);
      if (next === null) {
        node = skipTo[node] ?? byte.length;
        continue;
      }
      branch[level + 1] = next;
      const id = token[node] ?? -1;
      node += 1;
      if (id === -1 || !this.#isAffordable(next, tokensAfter)) continue;
      if (next.bytesToEnd > mostBytesAfter) mostBytesAfter = next.bytesToEnd;
      this.#allow(words, id);
    }
    branch.length = 0;
    if (state.isAccepting) for (const id of this.#endTokenIds) setBit(words, id);
    return { words, mostBytesAfter };
  }

  /** @throws GrammarError where a grammar is so ambiguous that it would hold up everyone else */
  #step(from: MatchState, byteClass: number, workLimit: number): MatchState | null {
    if (this.#recogniser.placesVisited > workLimit) {
      throw new GrammarError('is too ambiguous to follow. Simplify its choices and counts');
    }
    return this.#recogniser.stepClass(from, byteClass);
  }

  #isAffordable(after: MatchState, tokens: number): boolean {
    return after.bytesToEnd + 1 <= tokens || this.#rests.tokensFrom(after) <= tokens;
  }

  #allow(words: Int32Array, firstId: number): void {
    const { sameBytes } = this.#trie;
    for (let id = firstId; id !== -1; id = sameBytes[id] ?? -1) setBit(words, id);
  }
}

function wordsFor(vocabSize: number): number {
  return Math.ceil(vocabSize / 32);
}

function setBit(words: Int32Array, id: number): void {
  const word = id >> 5;
  words[word] = (words[word] ?? 0) | (1 << (id & 31));
}
