import type { TokenConstraint } from '#engine';
import { buildRecogniser } from '../format-grammar.js';
import { type CompiledGrammar, GrammarConstraint } from './grammar-constraint.js';
import { ByteLru } from './byte-lru.js';
import { grammarOf, type ConstraintSpec, type WantedGrammar } from './constraint-spec.js';
import { type MaskScope, TokenMasks } from './token-masks.js';
import { TokenSorter } from './token-sorter.js';
import { buildTokenTrie } from './token-trie.js';

/** Bytes of what is kept for the next time, about; all of it can be found again. */
export interface KeptLimits {
  /** Of compiled grammars, with the states found so far. */
  readonly grammarBytes: number;
  /** Of the tokens that may follow the states of all grammars. */
  readonly tokenBytes: number;
}

const KEPT_LIMITS: KeptLimits = { grammarBytes: 64 * 1024 * 1024, tokenBytes: 64 * 1024 * 1024 };

export interface ConstraintVocabulary {
  /** By token id, as many as there are ids; null for control tokens. */
  readonly bytesOf: readonly (Uint8Array | null)[];
  /** Tokens that end a text. */
  readonly endTokenIds: readonly number[];
}

export interface ConstraintFactory {
  /** A fresh one, for one sequence. */
  create(): TokenConstraint;
}

/** Compiles what responses must be, for one vocabulary; what was compiled before is found again by its content. */
export class ConstraintCompiler {
  readonly #vocabulary: ConstraintVocabulary;
  readonly #grammars: ByteLru<KeptGrammar>;
  readonly #scope: MaskScope;
  #compiled = 0;

  /** Goes through the whole vocabulary once: a second or two for 128,000 tokens, so that no request waits for it. */
  constructor(vocabulary: ConstraintVocabulary, { grammarBytes, tokenBytes } = KEPT_LIMITS) {
    this.#vocabulary = vocabulary;
    this.#grammars = new ByteLru(grammarBytes, ({ recogniser }) => recogniser.forget());
    const { bytesOf, endTokenIds } = vocabulary;
    this.#scope = {
      trie: buildTokenTrie(bytesOf),
      endTokenIds,
      kept: new ByteLru(tokenBytes),
      sorter: new TokenSorter(bytesOf.length),
    };
  }

  /** At most the limits and the value kept last. */
  get keptBytes(): KeptLimits {
    return { grammarBytes: this.#grammars.bytes, tokenBytes: this.#scope.kept.bytes };
  }

  /**
   * Null where every text will do.
   * @throws DroverError `invalid_value` as `checkForm` does
   */
  compile(spec: ConstraintSpec): ConstraintFactory | null {
    const wanted = grammarOf(spec);
    if (wanted === null) return null;
    const compiled = this.#grammars.get(JSON.stringify(spec), () => this.#compile(wanted));
    return { create: () => new GrammarConstraint(compiled) };
  }

  #compile({ field, build }: WantedGrammar): KeptGrammar {
    const { bytesOf, endTokenIds } = this.#vocabulary;
    const recogniser = buildRecogniser(build(), field);
    this.#compiled += 1;
    const masks = new TokenMasks(recogniser, this.#scope, `${this.#compiled}`);
    const { maxBytes: bytes } = recogniser;
    return { recogniser, masks, bytesOf, endTokenIds: new Set(endTokenIds), bytes };
  }
}

interface KeptGrammar extends CompiledGrammar {
  readonly bytes: number;
}
