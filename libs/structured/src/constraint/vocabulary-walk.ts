import { GrammarError } from '../grammar/grammar-error.js';
import type { MatchState } from '../grammar/match-state.js';
import type { Recogniser } from '../grammar/recogniser.js';
import { bytesOf, type TokenSet } from './token-set.js';
import type { TokenSorter } from './token-sorter.js';
import { endOf, type TokenTrie } from './token-trie.js';

/** Places that one walk may visit for the first time, about a second of work; ordinary grammars visit thousands. */
const MAX_PLACES_PER_WALK = 1_000_000;
/** Of a group or an exit in memory, with the states that belong to it: about. */
const GROUP_BYTES = 512;
const EXIT_BYTES = 64;

/** A branch of the vocabulary, and the state before its first byte. */
export interface Branch {
  readonly from: MatchState;
  /** First node; `ROOT` for the whole vocabulary. */
  readonly node: number;
}

/** Tokens that lead to one state. */
export interface TokenGroup {
  readonly after: MatchState;
  readonly tokens: TokenSet;
}

export interface WalkedTokens {
  readonly groups: readonly TokenGroup[];
  /** Branches that were not walked: the loop may end before them, and what follows it may take their first byte. */
  readonly exits: readonly Branch[];
  /** In memory, about. */
  readonly bytes: number;
}

/** Walks vocabulary and grammar side by side, cut where nothing matches, and sorts the tokens by where they lead. */
export class VocabularyWalk {
  readonly #recogniser: Recogniser;
  readonly #trie: TokenTrie;
  readonly #sorter: TokenSorter<MatchState>;

  constructor(recogniser: Recogniser, trie: TokenTrie, sorter: TokenSorter<MatchState>) {
    this.#recogniser = recogniser;
    this.#trie = trie;
    this.#sorter = sorter;
  }

  /**
   * @param branches without overlap
   * @param exitClasses of bytes that are not followed where a loop may end
   * @throws GrammarError where a grammar is so ambiguous that it would hold up everyone else
   */
  walk(branches: readonly Branch[], exitClasses: readonly number[]): WalkedTokens {
    const isExit = new Uint8Array(256);
    for (const byteClass of exitClasses) isExit[byteClass] = 1;
    const exits: Branch[] = [];
    const workLimit = this.#recogniser.placesVisited + MAX_PLACES_PER_WALK;
    this.#sorter.clear();
    for (const branch of branches) this.#walkBranch(branch, isExit, exits, workLimit);
    const groups = Array.from(this.#sorter.sorted(), ([after, tokens]) => ({ after, tokens }));
    const tokenBytes = groups.reduce((sum, { tokens }) => sum + bytesOf(tokens) + GROUP_BYTES, 0);
    return { groups, exits, bytes: tokenBytes + exits.length * EXIT_BYTES };
  }

  #walkBranch(
    { from: before, node: first }: Branch,
    isExit: Uint8Array,
    exits: Branch[],
    workLimit: number,
  ): void {
    const { byte, depth, skipTo, token, sameBytes } = this.#trie;
    const { classOfByte } = this.#recogniser;
    const sorter = this.#sorter;
    const end = endOf(this.#trie, first);
    const top = depth[first] ?? 0;
    /** State before each byte of the way to the node. */
    const way = [before];
    for (let node = Math.max(first, 0); node < end;) {
      const level = (depth[node] ?? 0) - top;
      const byteClass = classOfByte[byte[node] ?? 0] ?? 0;
      const from = way[level] ?? before;
      let next = from.next[byteClass];
      if (isExit[byteClass] === 1 && from.endCounts.length > 0) {
        exits.push({ from, node });
        next = null;
      } else if (next === undefined) {
        next = this.#step(from, byteClass, workLimit);
      }
      if (next === null) {
        node = skipTo[node] ?? end;
        continue;
      }
      way[level + 1] = next;
      for (let id = token[node] ?? -1; id !== -1; id = sameBytes[id] ?? -1) sorter.add(id, next);
      node += 1;
    }
  }

  #step(from: MatchState, byteClass: number, workLimit: number): MatchState | null {
    if (this.#recogniser.placesVisited > workLimit) {
      throw new GrammarError('is too ambiguous to follow. Simplify its choices and counts');
    }
    return this.#recogniser.stepClass(from, byteClass);
  }
}
