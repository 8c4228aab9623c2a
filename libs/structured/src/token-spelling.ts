/** A vocabulary, by the bytes that its tokens write. */
export class TokenSpelling {
  readonly #spellings: ReadonlySet<string>;
  readonly #longestToken: number;

  /** @param bytesOf by token id; null for control tokens. 128,000 tokens take a tenth of a second and some 10 MB. */
  constructor(bytesOf: readonly (Uint8Array | null)[]) {
    const written = bytesOf.filter((bytes) => bytes !== null);
    this.#spellings = new Set(written.map(latin1));
    this.#longestToken = written.reduce((longest, { length }) => Math.max(longest, length), 0);
  }

  /** Fewest tokens that write these bytes, in any way to cut them; Infinity where none do. */
  fewestTokens(bytes: Uint8Array): number {
    const text = latin1(bytes);
    const fewest = new Float64Array(text.length + 1).fill(Infinity);
    fewest[0] = 0;
    for (let end = 1; end <= text.length; end++) {
      for (let start = Math.max(0, end - this.#longestToken); start < end; start++) {
        const tokens = fewest[start]! + 1;
        if (tokens < fewest[end]! && this.#spellings.has(text.slice(start, end))) fewest[end] = tokens;
      }
    }
    return fewest[text.length]!;
  }
}

/** One character a byte. */
function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}
