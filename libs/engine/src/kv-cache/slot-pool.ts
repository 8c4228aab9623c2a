/** Slots of the key-value cache, each lent to one sequence at a time. */
export class SlotPool {
  readonly #taken: boolean[];

  constructor(slots: number) {
    this.#taken = Array.from({ length: slots }, () => false);
  }

  get size(): number {
    return this.#taken.length;
  }

  /** The lowest free slot, so that the rows of a step lie close together; undefined where all are taken. */
  acquire(): number | undefined {
    const slot = this.#taken.indexOf(false);
    if (slot < 0) return undefined;
    this.#taken[slot] = true;
    return slot;
  }

  release(slot: number): void {
    if (this.#taken[slot] !== true) throw new Error(`Slot ${slot} is released but not held. This is a bug.`);
    this.#taken[slot] = false;
  }

  /** Lends `to` instead of `from` to the same sequence. */
  move(from: number, to: number): void {
    if (this.#taken[to] !== false) throw new Error(`Slot ${to} is not free. This is a bug.`);
    this.release(from);
    this.#taken[to] = true;
  }

  isTaken(slot: number): boolean {
    return this.#taken[slot] === true;
  }

  taken(): number[] {
    return [...this.#taken.keys()].filter((slot) => this.isTaken(slot));
  }
}
