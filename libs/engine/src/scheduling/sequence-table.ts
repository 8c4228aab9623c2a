import type { SequenceSnapshot } from '../engine-invariants.js';
import { EngineQueueFullError } from '../errors.js';
import { SlotPool } from '../kv-cache/slot-pool.js';
import { Sequence } from '../sequence/sequence.js';
import type { Ticket } from '../sequence/ticket.js';

/** A sequence that holds a slot, and whose it is. */
export interface Running {
  readonly ticket: Ticket;
  readonly sequence: Sequence;
}

/** Who waits and who runs: tickets come in, wait in line for a slot, and leave it when they are over. */
export class SequenceTable {
  readonly #slots: SlotPool;
  readonly #maxQueued: number;
  readonly #nowMs: () => number;
  readonly #waiting: Ticket[] = [];
  readonly #running = new Map<number, Running>();
  #admissions = 0;

  constructor(slots: number, maxQueued: number, nowMs: () => number) {
    this.#slots = new SlotPool(slots);
    this.#maxQueued = maxQueued;
    this.#nowMs = nowMs;
  }

  get slotsUsed(): number {
    return this.#slots.used;
  }

  /** A copy: callers release sequences while they go through it. */
  get running(): readonly Running[] {
    return [...this.#running.values()];
  }

  /** @throws EngineQueueFullError where the ticket could only wait and the line is full. */
  requireRoom(): void {
    if (this.#slots.used === this.#slots.size && this.#waiting.length >= this.#maxQueued) {
      throw new EngineQueueFullError(this.#maxQueued);
    }
  }

  enqueue(ticket: Ticket): void {
    this.#waiting.push(ticket);
    this.admit();
  }

  /** Gives free slots to those who waited longest. */
  admit(): void {
    while (this.#waiting.length > 0) {
      const slot = this.#slots.acquire();
      if (slot === undefined) return;
      const ticket = this.#waiting.shift()!;
      const sequence = new Sequence(ticket.generation, slot, this.#admissions++, this.#nowMs());
      this.#running.set(slot, { ticket, sequence });
    }
  }

  /** Takes a ticket out of the line; false where it is not in it. */
  withdraw(ticket: Ticket): boolean {
    const place = this.#waiting.indexOf(ticket);
    if (place >= 0) this.#waiting.splice(place, 1);
    return place >= 0;
  }

  withdrawAll(): readonly Ticket[] {
    return this.#waiting.splice(0);
  }

  release({ slot }: Sequence): void {
    this.#running.delete(slot);
    this.#slots.release(slot);
  }

  runningIn(slot: number): Running {
    const running = this.#running.get(slot);
    if (running === undefined) throw new Error(`No sequence holds slot ${slot}. This is a bug.`);
    return running;
  }

  takenSlots(): number[] {
    return Array.from({ length: this.#slots.size }, (_, slot) => slot).filter((slot) =>
      this.#slots.isTaken(slot),
    );
  }

  snapshots(): SequenceSnapshot[] {
    return this.running.map(({ sequence }) => ({
      id: sequence.request.id,
      slot: sequence.slot,
      promptTokens: sequence.promptTokens,
      processedTokens: sequence.processedTokens,
      resumedTokens: sequence.resumedTokens,
      generatedTokens: sequence.generation.tokenIds.length,
      maxTokens: sequence.request.maxTokens,
    }));
  }
}
