/**
 * How much memory each slot has taken: the most tokens it has held since it was trimmed, whoever held it. Memory of a
 * slot comes with the tokens written to it and stays until it is given back.
 */
export class ResidentTokens {
  readonly capacity: number;
  readonly #tokens: number[];
  #total = 0;

  constructor(slots: number, capacity: number) {
    this.capacity = capacity;
    this.#tokens = Array.from({ length: slots }, () => 0);
  }

  get total(): number {
    return this.#total;
  }

  of(slot: number): number {
    return this.#tokens[slot] ?? 0;
  }

  /** True where the slot can hold `tokens` within the capacity. */
  fits(slot: number, tokens: number): boolean {
    return this.#total + Math.max(0, tokens - this.of(slot)) <= this.capacity;
  }

  grow(slot: number, tokens: number): void {
    this.#set(slot, Math.max(tokens, this.of(slot)));
  }

  trim(slot: number): void {
    this.#set(slot, 0);
  }

  bySlot(): readonly number[] {
    return [...this.#tokens];
  }

  #set(slot: number, tokens: number): void {
    this.#total += tokens - this.of(slot);
    this.#tokens[slot] = tokens;
  }
}
