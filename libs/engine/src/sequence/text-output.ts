import type { TokenTextDecoder } from '../ports/token-text-decoder.port.js';
import { StopStringFilter } from './stop-string-filter.js';

/** The text of one sequence: decoded, cut at stop strings, handed out piece by piece. The pieces make up `text`. */
export class TextOutput {
  readonly #decoder: TokenTextDecoder;
  readonly #filter: StopStringFilter;
  #text = '';
  #pendingText = '';

  constructor(decoder: TokenTextDecoder, stopStrings: readonly string[]) {
    this.#decoder = decoder;
    this.#filter = new StopStringFilter(stopStrings);
  }

  get text(): string {
    return this.#text;
  }

  /** True once a stop string is complete; the text ends before it. */
  get foundStopString(): boolean {
    return this.#filter.stopped;
  }

  /** `checksStops`: false for the first `minTokens` tokens, whose text no stop string may end or begin in. */
  push(tokenId: number, checksStops: boolean): void {
    const text = this.#decoder.push(tokenId);
    this.#show(checksStops ? this.#filter.push(text) : text);
  }

  /** Lets out what was held back. An unfinished character may still complete a stop string. */
  end(): void {
    if (this.#filter.stopped) return;
    this.#show(this.#filter.push(this.#decoder.flush()));
    this.#show(this.#filter.flush());
  }

  /** Takes what became visible since the last call. */
  takePending(): string {
    const pending = this.#pendingText;
    this.#pendingText = '';
    return pending;
  }

  #show(text: string): void {
    this.#text += text;
    this.#pendingText += text;
  }
}
