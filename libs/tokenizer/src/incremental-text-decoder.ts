import type { TokenBytes } from './token-bytes.js';

/** Turns the tokens of one sequence into text as they come. Never emits half a character. */
export interface TokenTextDecoder {
  /** Text that became complete with this token; may be empty. Control tokens have no text. */
  push(tokenId: number): string;
  /** What is still held back at the end: U+FFFD for a character that was never completed. */
  flush(): string;
}

export class IncrementalTextDecoder implements TokenTextDecoder {
  readonly #tokenBytes: TokenBytes;
  readonly #control: ReadonlySet<number>;
  readonly #utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

  constructor(tokenBytes: TokenBytes, control: ReadonlySet<number>) {
    this.#tokenBytes = tokenBytes;
    this.#control = control;
  }

  push(tokenId: number): string {
    if (this.#control.has(tokenId)) return '';
    return this.#utf8.decode(this.#tokenBytes.of(tokenId), { stream: true });
  }

  flush(): string {
    return this.#utf8.decode();
  }
}
