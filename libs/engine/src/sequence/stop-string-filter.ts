export interface StopMatch {
  readonly start: number;
  readonly end: number;
}

/**
 * The stop string that is complete first, the longest of those that end together. By its end, not its start: so
 * the result does not depend on how the text was cut into tokens.
 */
export function findStopString(text: string, stopStrings: readonly string[]): StopMatch | null {
  let first: StopMatch | null = null;
  for (const stop of stopStrings) {
    const start = text.indexOf(stop);
    if (start < 0) continue;
    const end = start + stop.length;
    if (first === null || end < first.end || (end === first.end && start < first.start))
      first = { start, end };
  }
  return first;
}

/** Length of the longest end of `text` that may be the beginning of a stop string. */
export function heldBackLength(text: string, stopStrings: readonly string[]): number {
  const longest = Math.max(0, ...stopStrings.map((stop) => stop.length - 1));
  for (let length = Math.min(longest, text.length); length > 0; length--) {
    const tail = text.slice(text.length - length);
    if (stopStrings.some((stop) => stop.length > length && stop.startsWith(tail))) return length;
  }
  return 0;
}

/** Lets text through until a stop string is complete; holds back what may become one. Holds less than one stop string. */
export class StopStringFilter {
  readonly #stopStrings: readonly string[];
  #held = '';
  #stopped = false;

  constructor(stopStrings: readonly string[]) {
    this.#stopStrings = stopStrings;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** Text that is certainly before any stop string. Nothing passes once one was found. */
  push(text: string): string {
    if (this.#stopped) return '';
    const pending = this.#held + text;
    const match = findStopString(pending, this.#stopStrings);
    if (match !== null) {
      this.#stopped = true;
      this.#held = '';
      return pending.slice(0, match.start);
    }
    const visible = pending.length - heldBackLength(pending, this.#stopStrings);
    this.#held = pending.slice(visible);
    return pending.slice(0, visible);
  }

  /** What was held back and did not become a stop string. */
  flush(): string {
    const held = this.#held;
    this.#held = '';
    return held;
  }
}
