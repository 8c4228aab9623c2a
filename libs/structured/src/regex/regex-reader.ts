/** A pattern that is wrong, or that is not regular. */
export class RegexError extends Error {
  override readonly name = 'RegexError';
}

/** A pattern and a place in it, by code points. */
export class RegexReader {
  readonly #pattern: string;
  #at = 0;

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#pattern.length;
  }

  /** A character from here on without taking it; empty at the end. */
  peek(ahead = 0): string {
    const code = this.#pattern.codePointAt(this.#at + ahead);
    return code === undefined ? '' : String.fromCodePoint(code);
  }

  next(): string {
    if (this.isAtEnd) throw this.error('nothing after its last character');
    const char = this.peek();
    this.#at += char.length;
    return char;
  }

  take(char: string): boolean {
    if (this.peek() !== char) return false;
    this.#at += char.length;
    return true;
  }

  /** `regex` is sticky. */
  takeMatch(regex: RegExp): RegExpExecArray | null {
    regex.lastIndex = this.#at;
    const match = regex.exec(this.#pattern);
    if (match !== null) this.#at = regex.lastIndex;
    return match;
  }

  error(problem: string): RegexError {
    return new RegexError(`has ${problem} at character ${this.#at}, which is not supported`);
  }
}
