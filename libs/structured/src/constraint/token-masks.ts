import { type LoopPlace, type LoopView, passagesOf, putUnder, viewFromLoop } from '../grammar/loop-view.js';
import type { MatchState } from '../grammar/match-state.js';
import type { Recogniser } from '../grammar/recogniser.js';
import type { ByteLru } from './byte-lru.js';
import { ShortestRests } from './shortest-rest.js';
import { addTokens, setBit, wordsFor } from './token-set.js';
import type { TokenSorter } from './token-sorter.js';
import { ROOT, type TokenTrie } from './token-trie.js';
import { type Branch, type TokenGroup, VocabularyWalk, type WalkedTokens } from './vocabulary-walk.js';

/** Tokens that stay inside a loop: the same ones for all its callers and counts. */
interface LoopTokens {
  readonly kind: 'loop';
  readonly groups: readonly LoopGroup[];
  /** Bits of the tokens of all groups. */
  readonly words: Int32Array;
  /** The most passages that one of the tokens goes through. */
  readonly mostPassages: number;
  /** The most bytes that one of them leaves of its passage. */
  readonly mostBytesAfter: number;
  readonly exits: readonly Branch[];
  readonly bytes: number;
}

interface LoopGroup extends TokenGroup {
  readonly passages: { readonly fewest: number; readonly most: number };
}

/** Tokens that follow one state: its own ones, beside those that stay inside the loop it is in. */
interface StateTokens {
  readonly kind: 'state';
  readonly view: LoopView | null;
  readonly groups: readonly TokenGroup[];
  readonly bytes: number;
}

export type KeptTokens = LoopTokens | StateTokens;

/** What the grammars of one vocabulary share. */
export interface MaskScope {
  readonly trie: TokenTrie;
  readonly endTokenIds: readonly number[];
  readonly kept: ByteLru<KeptTokens>;
  readonly sorter: TokenSorter<MatchState>;
}

/**
 * Which tokens may follow a state, and lead where the text can still be completed. Tokens whose fate does not depend on
 * what surrounds a loop are found once for all its callers and counts, and few are left for each state (after Dong et
 * al., "XGrammar", 2024, who tell them apart by the stack).
 */
export class TokenMasks {
  readonly #recogniser: Recogniser;
  readonly #scope: MaskScope;
  readonly #rests: ShortestRests;
  readonly #walk: VocabularyWalk;
  readonly #name: string;

  /** @param name of the grammar, its own within the scope */
  constructor(recogniser: Recogniser, scope: MaskScope, name: string) {
    this.#recogniser = recogniser;
    this.#scope = scope;
    this.#rests = new ShortestRests(recogniser, scope.trie);
    this.#walk = new VocabularyWalk(recogniser, scope.trie, scope.sorter);
    this.#name = name;
  }

  /** Tokens of the shortest rest, an end token included. */
  tokensFrom(state: MatchState): number {
    return this.#rests.tokensFrom(state);
  }

  createWords(): Int32Array {
    return new Int32Array(wordsFor(this.#scope.trie.vocabSize));
  }

  /**
   * Tokens after which the text can still be completed within `remainingTokens`, theirs included.
   * @param words takes their bits
   */
  allowed(state: MatchState, remainingTokens: number, words: Int32Array): void {
    const tokensAfter = remainingTokens - 1;
    const { view, groups } = this.#tokensOf(state);
    words.fill(0);
    if (view !== null) this.#addInside(view, tokensAfter, words);
    for (const { after, tokens } of groups) {
      if (this.#isAffordable(after, tokensAfter)) addTokens(words, tokens);
    }
    if (state.isAccepting && remainingTokens > 0) for (const id of this.#scope.endTokenIds) setBit(words, id);
  }

  #addInside(view: LoopView, tokensAfter: number, words: Int32Array): void {
    const { place } = view;
    const inside = this.#insideOf(view);
    const passagesLeft = (place.loop.most ?? Infinity) - place.count;
    // An end token on top of the bytes, each of which is a token.
    const bytesAfter = tokensAfter - 1 - place.bytesToEnd;
    if (inside.mostPassages <= passagesLeft && inside.mostBytesAfter <= bytesAfter) {
      words.set(inside.words);
      return;
    }
    for (const group of inside.groups) {
      if (group.passages.fewest > passagesLeft) continue;
      const isClear = group.passages.most <= passagesLeft && group.after.bytesToEnd <= bytesAfter;
      if (isClear || this.#isAffordableUnder(group.after, place, tokensAfter)) addTokens(words, group.tokens);
    }
  }

  #isAffordableUnder(inside: MatchState, place: LoopPlace, tokens: number): boolean {
    const after = putUnder(this.#recogniser, inside, place);
    return after !== null && this.#isAffordable(after, tokens);
  }

  #isAffordable(after: MatchState, tokens: number): boolean {
    return after.bytesToEnd + 1 <= tokens || this.#rests.tokensFrom(after) <= tokens;
  }

  #tokensOf(state: MatchState): StateTokens {
    const kept = this.#scope.kept.get(`${this.#name} ${state.id}`, () => {
      const view = viewFromLoop(this.#recogniser, state);
      const branches = view === null ? [{ from: state, node: ROOT }] : this.#exitsOf(view);
      return { kind: 'state', view, ...this.#walk.walk(branches, []) };
    });
    if (kept.kind !== 'state') throw new Error('Tokens of a loop under the name of a state');
    return kept;
  }

  /** Where the loop may be left, from the whole state before. */
  #exitsOf(view: LoopView): Branch[] {
    const whole = new Map<MatchState, MatchState | null>();
    return this.#insideOf(view).exits.flatMap(({ from: inside, node }) => {
      let from = whole.get(inside);
      if (from === undefined) whole.set(inside, (from = putUnder(this.#recogniser, inside, view.place)));
      return from === null ? [] : [{ from, node }];
    });
  }

  #insideOf({ inside, exitClasses }: LoopView): LoopTokens {
    const kept = this.#scope.kept.get(`${this.#name} ${inside.id} ${exitClasses.join()}`, () =>
      loopTokens(this.#walk.walk([{ from: inside, node: ROOT }], exitClasses), this.createWords()),
    );
    if (kept.kind !== 'loop') throw new Error('Tokens of a state under the name of a loop');
    return kept;
  }
}

function loopTokens({ groups: found, exits, bytes }: WalkedTokens, words: Int32Array): LoopTokens {
  const groups = found.map((group) => ({ ...group, passages: passagesOf(group.after) }));
  for (const { tokens } of groups) addTokens(words, tokens);
  return {
    kind: 'loop',
    groups,
    words,
    mostPassages: groups.reduce((most, { passages }) => Math.max(most, passages.most), 0),
    mostBytesAfter: groups.reduce((most, { after }) => Math.max(most, after.bytesToEnd), 0),
    exits,
    bytes: bytes + words.byteLength,
  };
}
