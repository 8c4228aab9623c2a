/** Keeps the values that were used last, by the bytes that they take. */
export class ByteLru<V extends { readonly bytes: number }> {
  readonly #entries = new Map<string, V>();
  readonly #maxBytes: number;
  readonly #onDrop: (value: V) => void;
  #bytes = 0;

  /** @param maxBytes of all values together; a larger one is kept alone */
  constructor(maxBytes: number, onDrop: (value: V) => void = () => undefined) {
    this.#maxBytes = maxBytes;
    this.#onDrop = onDrop;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The value of a key, made where it is not kept. */
  get(key: string, make: () => V): V {
    const known = this.#entries.get(key);
    if (known !== undefined) {
      this.#entries.delete(key);
      this.#entries.set(key, known);
      return known;
    }
    const value = make();
    this.#entries.set(key, value);
    this.#bytes += value.bytes;
    this.#dropOldest(key);
    return value;
  }

  #dropOldest(newest: string): void {
    for (const [key, value] of this.#entries) {
      if (this.#bytes <= this.#maxBytes || key === newest) return;
      this.#entries.delete(key);
      this.#bytes -= value.bytes;
      this.#onDrop(value);
    }
  }
}
