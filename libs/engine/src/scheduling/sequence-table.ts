import { EngineQueueFullError } from '../errors.js';
import type { CacheManager, Departure } from '../ports/cache-manager.port.js';
import { Sequence } from '../sequence/sequence.js';
import type { Ticket } from '../sequence/ticket.js';

/** A sequence, and whose it is. */
export interface Entry {
  readonly ticket: Ticket;
  readonly sequence: Sequence;
}

/** Who waits and who runs: sequences come in, wait in line for a place in the cache, and leave it when they are over. */
export class SequenceTable {
  readonly #cache: CacheManager;
  readonly #slots: number;
  readonly #maxQueued: number;
  readonly #nowMs: () => number;
  /** Preempted ones first, then in the order they came: everyone here came later than all that run. */
  readonly #line: Entry[] = [];
  /** In the order they came. */
  #running: readonly Entry[] = [];
  #arrivals = 0;
  #preemptions = 0;

  constructor(cache: CacheManager, slots: number, maxQueued: number, nowMs: () => number) {
    this.#cache = cache;
    this.#slots = slots;
    this.#maxQueued = maxQueued;
    this.#nowMs = nowMs;
  }

  /** Not changed, but replaced, when sequences come and go. */
  get running(): readonly Entry[] {
    return this.#running;
  }

  /** Those that have run and wait to run again. */
  get preempted(): readonly Entry[] {
    return this.#line.filter(({ sequence }) => sequence.wasPreempted);
  }

  /** @throws EngineQueueFullError where the line is full. */
  requireRoom(): void {
    const hasFreeSlot = this.#line.length === 0 && this.#running.length < this.#slots;
    if (this.#line.length >= this.#maxQueued && !hasFreeSlot) throw new EngineQueueFullError(this.#maxQueued);
  }

  enqueue(ticket: Ticket): void {
    this.#line.push({ ticket, sequence: new Sequence(ticket.generation, this.#arrivals++) });
    this.admit();
  }

  /** Gives room in the cache to those who are first in line. */
  admit(): void {
    for (let [first] = this.#line; first !== undefined; [first] = this.#line) {
      if (this.#cache.admit(first.sequence) !== 'granted') return;
      first.sequence.start(this.#nowMs());
      this.#running = [...this.#running, first];
      this.#line.shift();
    }
  }

  /** Takes a ticket that has not run yet out of the line; false where it is not there. */
  withdraw(ticket: Ticket): boolean {
    const place = this.#line.findIndex((entry) => entry.ticket === ticket && !entry.sequence.wasPreempted);
    if (place >= 0) this.#line.splice(place, 1);
    return place >= 0;
  }

  /** Takes out of the line all that have not run yet. */
  withdrawAll(): readonly Ticket[] {
    const { length } = this.preempted;
    return this.#line.splice(length).map(({ ticket }) => ticket);
  }

  isRunning(sequence: Sequence): boolean {
    return this.#running.some((entry) => entry.sequence === sequence);
  }

  /** Sends the youngest sequence back to the head of the line; false where none is younger than this one. */
  preemptYoungerThan(sequence: Sequence): boolean {
    const youngest = this.#running.at(-1);
    if (youngest === undefined || youngest.sequence.admission <= sequence.admission) return false;
    this.release(youngest, 'preempted');
    youngest.sequence.restart();
    this.#line.unshift(youngest);
    this.#preemptions += 1;
    return true;
  }

  /** Preemptions since the last call. */
  takePreemptions(): number {
    const preemptions = this.#preemptions;
    this.#preemptions = 0;
    return preemptions;
  }

  /** Takes a sequence that runs, or a preempted one, out of the cache and the table. */
  release(entry: Entry, departure: Departure): void {
    const place = this.#line.indexOf(entry);
    if (place >= 0) {
      this.#line.splice(place, 1);
      return;
    }
    this.#running = this.#running.filter((other) => other !== entry);
    this.#cache.release(entry.sequence, departure);
  }
}
