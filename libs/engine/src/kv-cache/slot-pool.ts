/** Rows of the KV cache, each lent to one sequence at a time. */
export class SlotPool {
  readonly #taken: boolean[];
  #used = 0;

  constructor(slots: number) {
    this.#taken = Array.from({ length: slots }, () => false);
  }

  get size(): number {
    return this.#taken.length;
  }

  get used(): number {
    return this.#used;
  }

  /** The lowest free slot, so that the rows of a step lie close together; undefined where all are taken. */
  acquire(): number | undefined {
    const slot = this.#taken.indexOf(false);
    if (slot < 0) return undefined;
    this.#taken[slot] = true;
    this.#used += 1;
    return slot;
  }

  release(slot: number): void {
    if (this.#taken[slot] !== true) throw new Error(`Slot ${slot} is released but not held. This is a bug.`);
    this.#taken[slot] = false;
    this.#used -= 1;
  }

  isTaken(slot: number): boolean {
    return this.#taken[slot] === true;
  }
}
