import type { TokenTextDecoder } from '../ports/token-text-decoder.port.js';
import { StopStringFilter } from './stop-string-filter.js';

/** Visible text that was not reported yet, and the number of tokens behind it. */
export interface PendingText {
  readonly text: string;
  readonly tokenCount: number;
}

/** The text of one sequence: decoded, cut at stop strings, handed out piece by piece. The pieces make up `text`. */
export class TextOutput {
  readonly #decoder: TokenTextDecoder;
  readonly #filter: StopStringFilter;
  #text = '';
  #pendingText = '';
  #pendingTokens = 0;

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
    this.#pendingTokens += 1;
    const text = this.#decoder.push(tokenId);
    this.#show(checksStops ? this.#filter.push(text) : text);
  }

  /** Counts a token that has no text, such as a stop token. */
  pushSilent(): void {
    this.#pendingTokens += 1;
  }

  /** Lets out what was held back. An unfinished character may still complete a stop string. */
  end(): void {
    if (this.#filter.stopped) return;
    this.#show(this.#filter.push(this.#decoder.flush()));
    this.#show(this.#filter.flush());
  }

  /** Takes what became visible since the last call; null where nothing did. */
  takePending(): PendingText | null {
    if (this.#pendingText === '') return null;
    const pending = { text: this.#pendingText, tokenCount: this.#pendingTokens };
    this.#pendingText = '';
    this.#pendingTokens = 0;
    return pending;
  }

  #show(text: string): void {
    this.#text += text;
    this.#pendingText += text;
  }
}
