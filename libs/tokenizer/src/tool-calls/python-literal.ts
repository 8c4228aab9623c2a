const MAX_LEVELS = 100;
const CONSTANTS: ReadonlyMap<string, string> = new Map([
  ['True', 'true'],
  ['False', 'false'],
  ['None', 'null'],
  // Models mix the two languages.
  ['true', 'true'],
  ['false', 'false'],
  ['null', 'null'],
]);
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])/uy;
/** Of either quote, closed or not. Never backtracks. */
const STRING = /'[^'\\]*(?:\\.[^'\\]*)*(?:'|\\?$)|"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?$)/suy;
const ESCAPE = /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U(0[\da-fA-F]{7})|(.))/gsu;
const ESCAPED: ReadonlyMap<string, string> = new Map([
  ['\n', ''],
  ['\\', '\\'],
  ["'", "'"],
  ['"', '"'],
  ['a', '\u0007'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['v', '\v'],
]);

/** Reads Python literals as JSON text, left to right and never backwards. All that cannot be read is a SyntaxError. */
export class PythonLiteralReader {
  /** Where reading goes on. */
  at: number;
  readonly #text: string;
  #levels = 0;

  constructor(text: string, at: number) {
    this.#text = text;
    this.at = at;
  }

  /** Takes the next word, after blanks. `pattern` is sticky. */
  take(pattern: RegExp): string {
    this.#skipBlanks();
    pattern.lastIndex = this.at;
    const word = pattern.exec(this.#text)?.[0];
    if (word === undefined) throw new SyntaxError(`cannot be read from ${this.at} on`);
    this.at += word.length;
    return word;
  }

  /** Items in brackets, a comma after each but perhaps the last. */
  list<T>(open: string, close: string, readItem: () => T): T[] {
    if (!this.#accept(open)) throw new SyntaxError(`no ${open} at ${this.at}`);
    if (++this.#levels > MAX_LEVELS) throw new SyntaxError(`nested over ${MAX_LEVELS} levels`);
    const items: T[] = [];
    while (!this.#accept(close)) {
      items.push(readItem());
      if (this.#accept(',')) continue;
      if (!this.#accept(close)) throw new SyntaxError(`no ${close} at ${this.at}`);
      break;
    }
    this.#levels--;
    return items;
  }

  literal(): string {
    this.#skipBlanks();
    switch (this.#text[this.at] ?? '') {
      case '[':
        return `[${this.list('[', ']', () => this.literal()).join(', ')}]`;
      case '{':
        return `{${this.list('{', '}', () => this.#entry()).join(', ')}}`;
      case "'":
      case '"':
        return this.#string();
      default:
        return this.#constant() ?? this.take(NUMBER);
    }
  }

  #entry(): string {
    const key = this.#string();
    this.take(/:/uy);
    return `${key}: ${this.literal()}`;
  }

  #string(): string {
    const quoted = this.take(STRING);
    if (quoted.length < 2 || !quoted.endsWith(quoted[0] ?? ''))
      throw new SyntaxError('a string without an end');
    return JSON.stringify(quoted.slice(1, -1).replace(ESCAPE, unescape));
  }

  #constant(): string | undefined {
    const word = /[A-Za-z]*/uy;
    word.lastIndex = this.at;
    const constant = CONSTANTS.get(word.exec(this.#text)?.[0] ?? '');
    if (constant !== undefined) this.at = word.lastIndex;
    return constant;
  }

  #accept(bracket: string): boolean {
    this.#skipBlanks();
    const found = this.#text[this.at] === bracket;
    if (found) this.at++;
    return found;
  }

  #skipBlanks(): void {
    const blanks = /\s*/uy;
    blanks.lastIndex = this.at;
    blanks.exec(this.#text);
    this.at = blanks.lastIndex;
  }
}

/** Python keeps the backslash of an escape it does not know. */
function unescape(escape: string, hex2?: string, hex4?: string, hex8?: string, character?: string): string {
  const hex = hex2 ?? hex4 ?? hex8;
  if (hex === undefined) return ESCAPED.get(character ?? '') ?? escape;
  const code = Number.parseInt(hex, 16);
  if (code > 0x10ffff) throw new SyntaxError(`${escape} is no character`);
  return String.fromCodePoint(code);
}
