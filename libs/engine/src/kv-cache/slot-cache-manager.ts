import type { CacheLimits, CacheManager, Departure, PlanLogits, Room } from '../ports/cache-manager.port.js';
import type { CacheSnapshot } from '../ports/cache-snapshot.js';
import type { ModelRunner, ModelStep } from '../ports/model-runner.port.js';
import type { StepPlan } from '../scheduling/plan-step.js';
import type { Sequence } from '../sequence/sequence.js';
import { claimedTokens } from './claimed-tokens.js';
import { isBlockComing } from './coming-block.js';
import { planMove } from './plan-move.js';
import { PrefixCache, type Place } from './prefix-cache.js';
import { ResidentTokens } from './resident-tokens.js';
import { SlotPool } from './slot-pool.js';
import { chunkRuns, isExact } from './spell-plan.js';

/**
 * The cache of a runner whose sequences each have a slot of their own, as long as the context. Slots may promise more
 * memory than there is: it is taken as tokens are written, and free slots give theirs back when it runs short.
 */
export class SlotCacheManager implements CacheManager {
  readonly limits: CacheLimits;
  readonly reusesPrefixes: boolean;
  readonly #runner: ModelRunner;
  readonly #slots: SlotPool;
  readonly #resident: ResidentTokens;
  readonly #prefixes: PrefixCache | null;
  readonly #places = new Map<Sequence, Place>();
  /** True where all slots can be full at once. */
  readonly #isRoomy: boolean;
  #mayHaveHoles = false;
  /** No memory is given back meanwhile. */
  #isRunning = false;

  /** @param wantsPrefixes false leaves the runner's block store unused */
  constructor(runner: ModelRunner, wantsPrefixes: boolean) {
    const { slots, contextTokens, cacheTokens, blocks } = runner.info;
    this.limits = { ...runner.info, sequences: slots, stepTokens: Infinity };
    this.reusesPrefixes = wantsPrefixes && blocks > 0;
    this.#runner = runner;
    this.#slots = new SlotPool(slots);
    this.#resident = new ResidentTokens(slots, cacheTokens);
    this.#prefixes = this.reusesPrefixes ? new PrefixCache(runner) : null;
    this.#isRoomy = cacheTokens >= slots * contextTokens;
  }

  admit(sequence: Sequence): Room {
    if (!this.#hasMemoryFor(sequence)) return 'no-room-now';
    const slot = this.#slots.acquire();
    if (slot === undefined) return 'no-room-now';
    // Memory that an earlier, longer text left in the slot would be held without use.
    if (!this.#isRoomy && this.#resident.of(slot) > sequence.mostTokens) {
      if (this.#isRunning) {
        this.#slots.release(slot);
        return 'no-room-now';
      }
      this.#trim(slot);
    }
    this.#places.set(sequence, { slot, pureTokens: 0, firstKeptBlock: null });
    return 'granted';
  }

  reserve(sequence: Sequence, tokens: number): Room {
    const { slot } = this.#placeOf(sequence);
    while (!this.#resident.fits(slot, tokens)) {
      if (!this.#trimFreeSlot()) return 'no-room-now';
    }
    this.#resident.grow(slot, tokens);
    return 'granted';
  }

  reuse(sequence: Sequence): number {
    const reserve = (tokens: number) => this.reserve(sequence, tokens) === 'granted';
    return this.#prefixes?.reuse(sequence, this.#placeOf(sequence), reserve) ?? 0;
  }

  isComing(sequence: Sequence, chunks: StepPlan<Sequence>['chunks']): boolean {
    const isPure = (other: Sequence) => this.#placeOf(other).pureTokens >= other.processedTokens;
    return this.reusesPrefixes && isBlockComing(sequence, chunks, this.limits.blockTokens, isPure);
  }

  async run(plan: StepPlan<Sequence>): Promise<PlanLogits> {
    this.#isRunning = true;
    try {
      const { decodes, prefills } = await this.#runner.run(this.#toModelStep(plan));
      return [...decodes.map((row) => [row]), ...prefills];
    } finally {
      this.#isRunning = false;
    }
  }

  keepChunk(sequence: Sequence, tokenCount: number): void {
    const place = this.#placeOf(sequence);
    const { processedTokens } = sequence;
    if (place.pureTokens === processedTokens - tokenCount) place.pureTokens = processedTokens;
    this.#prefixes?.keep(sequence, place, sequence.prefillTokenIds.subarray(0, processedTokens));
  }

  release(sequence: Sequence, departure: Departure): void {
    const place = this.#placeOf(sequence);
    if (departure === 'failed') this.#prefixes?.forget(sequence, place);
    else this.#prefixes?.keep(sequence, place, sequence.processedTokenIds());
    if (departure === 'preempted') this.#trim(place.slot);
    this.#places.delete(sequence);
    this.#slots.release(place.slot);
    this.#mayHaveHoles = true;
  }

  /** One move a call, so that no step waits for many copies. */
  compact(): void {
    if (!this.#mayHaveHoles) return;
    const taken = Array.from(this.#places, ([sequence, { slot }]) => ({
      slot,
      tokens: sequence.processedTokens,
      remainingTokens: sequence.mostTokens - sequence.knownTokens,
      sequence,
    }));
    const move = planMove(taken, this.#slots.size);
    const moved = taken.find(({ slot }) => slot === move?.from);
    if (move === null || moved === undefined || !this.#resident.fits(move.to, moved.tokens)) {
      this.#mayHaveHoles = false;
      return;
    }
    this.#runner.moveSlot(move.from, move.to);
    this.#slots.move(move.from, move.to);
    this.#resident.grow(move.to, moved.tokens);
    this.#placeOf(moved.sequence).slot = move.to;
  }

  inspect(): CacheSnapshot {
    return {
      layout: 'slots',
      slots: this.#slots.size,
      takenSlots: this.#slots.taken(),
      places: Array.from(this.#places, ([{ admission }, { slot }]) => ({ admission, slot })),
      cacheTokens: this.#resident.capacity,
      residentTokens: this.#resident.bySlot(),
      blocks: this.#runner.info.blocks,
      prefixBlocks: this.#prefixes?.inspect() ?? [],
    };
  }

  #toModelStep(plan: StepPlan<Sequence>): ModelStep {
    return {
      decodes: plan.decodes.map((sequence) => ({
        slot: this.#placeOf(sequence).slot,
        tokenId: sequence.nextTokenId,
        position: sequence.processedTokens,
      })),
      prefills: chunkRuns(plan).map(({ sequence, tokenIds, logitPositions }) => ({
        slot: this.#placeOf(sequence).slot,
        tokenIds,
        startPosition: sequence.processedTokens,
        logitPositions,
      })),
      exact: isExact(plan),
    };
  }

  /**
   * Whether the sequence can join the others and all of them grow for a while. One that is alone always has room.
   */
  #hasMemoryFor(sequence: Sequence): boolean {
    if (this.#isRoomy || this.#places.size === 0) return true;
    const { blockTokens } = this.limits;
    let claimed = claimedTokens(sequence, blockTokens);
    for (const [other, { slot }] of this.#places) {
      claimed += Math.max(claimedTokens(other, blockTokens), this.#resident.of(slot));
    }
    return claimed <= this.#resident.capacity;
  }

  #trimFreeSlot(): boolean {
    for (let slot = this.#slots.size - 1; slot >= 0; slot--) {
      if (this.#slots.isTaken(slot) || this.#resident.of(slot) === 0) continue;
      this.#trim(slot);
      return true;
    }
    return false;
  }

  #trim(slot: number): void {
    this.#runner.trimSlot(slot);
    this.#resident.trim(slot);
  }

  #placeOf(sequence: Sequence): Place {
    const place = this.#places.get(sequence);
    if (place === undefined) throw new Error(`${sequence.request.id} is not in the cache. This is a bug.`);
    return place;
  }
}
