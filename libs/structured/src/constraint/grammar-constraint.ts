import type { TokenConstraint } from '#engine';
import type { MatchState } from '../grammar/match-state.js';
import type { Recogniser } from '../grammar/recogniser.js';
import type { TokenMasks } from './token-masks.js';

export interface CompiledGrammar {
  readonly recogniser: Recogniser;
  readonly masks: TokenMasks;
  readonly bytesOf: readonly (Uint8Array | null)[];
  readonly endTokenIds: ReadonlySet<number>;
}

/** One sequence's place in a compiled grammar, and the mask that it handed out last. */
export class GrammarConstraint implements TokenConstraint {
  readonly #grammar: CompiledGrammar;
  #state: MatchState;
  #words: Int32Array | null = null;
  #hasEnded = false;

  constructor(grammar: CompiledGrammar) {
    this.#grammar = grammar;
    this.#state = grammar.recogniser.start;
  }

  get isComplete(): boolean {
    return this.#hasEnded || this.#state.readings.length === 0;
  }

  allowedTokens(remainingTokens: number): Int32Array {
    const { masks } = this.#grammar;
    this.#words ??= masks.createWords();
    masks.allowed(this.#state, remainingTokens, this.#words);
    return this.#words;
  }

  accept(tokenId: number): void {
    const next = this.#hasEnded ? null : this.#follow(tokenId);
    if (next === null) throw new Error(`token ${tokenId} does not follow the grammar`);
    this.#state = next;
  }

  minRemainingTokens(): number {
    return this.#hasEnded ? 0 : this.#grammar.masks.tokensFrom(this.#state);
  }

  close(): void {
    this.#hasEnded = true;
    this.#words = null;
  }

  #follow(tokenId: number): MatchState | null {
    const { recogniser, bytesOf, endTokenIds } = this.#grammar;
    if (endTokenIds.has(tokenId)) {
      this.#hasEnded = this.#state.isAccepting;
      return this.#hasEnded ? this.#state : null;
    }
    const bytes = bytesOf[tokenId] ?? null;
    if (bytes === null || bytes.length === 0) return null;
    let state: MatchState | null = this.#state;
    for (const byte of bytes) state = state === null ? null : recogniser.step(state, byte);
    return state;
  }
}
