/** Longest run of tokens that is looked up. */
export const LONGEST_NGRAM = 3;

/** A guess at the next tokens. */
export interface Draft {
  readonly tokenIds: Int32Array;
  /** How many of the last tokens stood before it where it was found: 1 to `LONGEST_NGRAM`. */
  readonly matchedTokens: number;
}

/**
 * Guesses the next tokens of a text from its own past: what followed when its last tokens stood there before, after the
 * longest match and the latest of those (prompt lookup decoding, A. Saxena 2023). A token costs a few table writes. The
 * table forgets what hashes to one place, so a match is read back before it counts.
 */
export class NgramIndex {
  readonly #tokenIds: Int32Array;
  /** By hash of a few tokens: the position after their latest occurrence; 0 for none. */
  readonly #positions: Int32Array;
  #size = 0;

  /** @param capacity most tokens of the text */
  constructor(capacity: number) {
    this.#tokenIds = new Int32Array(capacity);
    this.#positions = new Int32Array(2 ** Math.ceil(Math.log2((LONGEST_NGRAM + 1) * capacity)));
  }

  get size(): number {
    return this.#size;
  }

  push(tokenId: number): void {
    const end = this.#size;
    for (let length = 1; length <= Math.min(LONGEST_NGRAM, end); length++) {
      this.#positions[this.#placeOf(length)] = end;
    }
    this.#tokenIds[end] = tokenId;
    this.#size = end + 1;
  }

  /** The next `mostTokens` tokens (1 or more), as far as the past tells; null where the last token is new. */
  draft(mostTokens: number): Draft | null {
    for (let length = Math.min(LONGEST_NGRAM, this.#size - 1); length > 0; length--) {
      const start = this.#positions[this.#placeOf(length)]!;
      if (start > 0 && this.#endsAlike(start, length)) {
        return { tokenIds: this.#copyFrom(start, mostTokens), matchedTokens: length };
      }
    }
    return null;
  }

  /** Place of the last `length` tokens. */
  #placeOf(length: number): number {
    let hash = length;
    for (let i = this.#size - length; i < this.#size; i++) {
      hash = Math.imul(hash ^ this.#tokenIds[i]!, 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    return hash & (this.#positions.length - 1);
  }

  #endsAlike(end: number, length: number): boolean {
    for (let i = 1; i <= length; i++) {
      if (this.#tokenIds[end - i] !== this.#tokenIds[this.#size - i]) return false;
    }
    return true;
  }

  /** A copy that runs past the end reads on in itself, as a text that repeats itself does. */
  #copyFrom(start: number, count: number): Int32Array {
    const period = this.#size - start;
    return Int32Array.from({ length: count }, (_, i) => this.#tokenIds[start + (i % period)]!);
  }
}
