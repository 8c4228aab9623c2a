import { grammarOf, type ConstraintSpec } from './constraint/constraint-spec.js';
import { buildRecogniser } from './format-grammar.js';
import type { Recogniser } from './grammar/recogniser.js';
import type { TokenSpelling } from './token-spelling.js';

/** A form that texts can be held to. */
export class CheckedForm {
  readonly #recogniser: Recogniser;

  constructor(recogniser: Recogniser) {
    this.#recogniser = recogniser;
  }

  /** Of its shortest text. A token a byte and one to end always hold it. */
  get shortestBytes(): number {
    return this.#recogniser.start.bytesToEnd;
  }

  /** Tokens without which a constraint of this form could not promise a whole text: its `minRemainingTokens`. */
  fewestTokens(spelling: TokenSpelling): number {
    const bytes = new Uint8Array(this.shortestBytes);
    let state = this.#recogniser.start;
    for (let at = 0; at < bytes.length; at++) {
      bytes[at] = this.#recogniser.shortestByte(state) ?? 0;
      const next = this.#recogniser.step(state, bytes[at]!);
      if (next === null) throw new Error('A shortest text leads nowhere. This is a bug.');
      state = next;
    }
    const endTokens = state.readings.length > 0 ? 1 : 0;
    return spelling.fewestTokens(bytes) + endTokens;
  }
}

/**
 * Refuses a form before it is queued. Needs no model: grammars are built and not run, in a few milliseconds. Null where
 * every text will do.
 * @throws DroverError `invalid_value` naming the field and what is wrong or not supported
 */
export function checkForm(spec: ConstraintSpec): CheckedForm | null {
  const wanted = grammarOf(spec);
  return wanted === null ? null : new CheckedForm(buildRecogniser(wanted.build(), wanted.field));
}
