import type { TextEnd } from '#contracts';
import type { AttemptLease, FencedOutcome, TextSoFar, TokenAppend } from '#queue';
import { ShownText, type TextPart } from './shown-text.js';

/** The way of one attempt's texts to its job's stream. */
export class AttemptStream {
  readonly lease: AttemptLease;
  /** Aborts when the job is no longer this attempt's: what is not under way by then is the next attempt's to make. */
  readonly handedOver: AbortSignal;
  /** What clients see or will see, that of earlier attempts included, by index of the text. */
  readonly #shown: ShownText[] = [];
  /** Of each text, what came since the last round. Grows at most to the rest of the texts, whatever Redis does. */
  readonly #pending = new Map<number, ShownText>();
  /** On their way to Redis; kept until Redis has answered, so that a failed write is repeated under the same numbers. */
  #inFlight: readonly TokenAppend[] = [];
  #appends = 0;
  /** Redis refused an append: a newer attempt writes now. The queue tells this one when it looks next. */
  #refused = false;

  constructor(lease: AttemptLease, generated: readonly TextSoFar[], handedOver: AbortSignal) {
    this.lease = lease;
    this.handedOver = handedOver;
    generated.forEach((text, index) => this.#shownAt(index).add(text));
  }

  get shown(): readonly TextSoFar[] {
    return this.#shown;
  }

  /** Has something for Redis. */
  get isBusy(): boolean {
    const hasNews = this.#pending.size > 0 && !this.handedOver.aborted;
    return !this.#refused && (this.#inFlight.length > 0 || hasNews);
  }

  push(index: number, part: TextPart): void {
    this.#shownAt(index).add(part);
    this.#pendingAt(index).add(part);
  }

  /** Says that a text has ended, with its last tokens, which have no text to be seen. */
  end(index: number, rest: TextPart, finishReason: TextEnd): void {
    this.push(index, rest);
    this.#shownAt(index).finishReason = finishReason;
    this.#pendingAt(index).finishReason = finishReason;
  }

  /** The appends of the next round, those of a failed one again. */
  takeAppends(): readonly TokenAppend[] {
    if (this.#inFlight.length > 0) return this.#inFlight;
    this.#inFlight = [...this.#pending].map(([index, { text, tokenIds, logprobs, finishReason }]) => {
      this.#appends += 1;
      return { lease: this.lease, sequence: this.#appends, index, text, tokenIds, logprobs, finishReason };
    });
    this.#pending.clear();
    return this.#inFlight;
  }

  settle(outcomes: readonly FencedOutcome[]): void {
    this.#inFlight = [];
    this.#refused ||= outcomes.includes('lost');
  }

  #shownAt(index: number): ShownText {
    return (this.#shown[index] ??= new ShownText());
  }

  #pendingAt(index: number): ShownText {
    const pending = this.#pending.get(index) ?? new ShownText();
    this.#pending.set(index, pending);
    return pending;
  }
}
