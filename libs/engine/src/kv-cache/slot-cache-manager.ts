import type { CacheLimits, CacheManager, Departure, PlanLogits, Room } from '../ports/cache-manager.port.js';
import type { CacheSnapshot } from '../ports/cache-snapshot.js';
import type { ModelRunner, ModelStep } from '../ports/model-runner.port.js';
import type { StepPlan } from '../scheduling/plan-step.js';
import type { Sequence } from '../sequence/sequence.js';
import { planMove } from './plan-move.js';
import { PrefixCache, type Place } from './prefix-cache.js';
import { ResidentTokens } from './resident-tokens.js';
import { SlotPool } from './slot-pool.js';

/** What each sequence should be able to grow by before another one is let in beside it. */
const HEADROOM_BLOCKS = 2;

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
    if (!this.#isRoomy && this.#resident.of(slot) > sequence.mostTokens) this.#trim(slot);
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
    return this.#prefixes?.isComing(sequence, chunks, this.#placeOf) ?? false;
  }

  async run(plan: StepPlan<Sequence>): Promise<PlanLogits> {
    const { decodes, prefills } = await this.#runner.run(this.#toModelStep(plan));
    return [...decodes.map((row) => [row]), ...prefills];
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

  slotOf(sequence: Sequence): number {
    return this.#placeOf(sequence).slot;
  }

  inspect(): CacheSnapshot {
    return {
      slots: this.#slots.size,
      takenSlots: this.#slots.taken(),
      cacheTokens: this.#resident.capacity,
      residentTokens: this.#resident.bySlot(),
      blocks: this.#runner.info.blocks,
      prefixBlocks: this.#prefixes?.inspect() ?? [],
    };
  }

  #toModelStep({ decodes, chunks, drafts }: StepPlan<Sequence>): ModelStep {
    return {
      decodes: decodes.map((sequence) => ({
        slot: this.slotOf(sequence),
        tokenId: sequence.nextTokenId,
        position: sequence.processedTokens,
      })),
      prefills: [
        ...chunks.map(({ sequence, tokenCount, logitPositions }) => ({
          slot: this.slotOf(sequence),
          tokenIds: sequence.nextChunk(tokenCount),
          startPosition: sequence.processedTokens,
          logitPositions,
        })),
        ...drafts.map(({ sequence, tokenIds }) => ({
          slot: this.slotOf(sequence),
          tokenIds: Int32Array.of(sequence.nextTokenId, ...tokenIds),
          startPosition: sequence.processedTokens,
          logitPositions: 1 + tokenIds.length,
        })),
      ],
      exact: decodes.some(isDeterministic) || chunks.some(({ sequence }) => isDeterministic(sequence)),
    };
  }

  /**
   * Whether the sequence can join the others and all of them grow for a while: otherwise it would take room from
   * them, be preempted and come back, over and over. One that is alone always has room.
   */
  #hasMemoryFor(sequence: Sequence): boolean {
    if (this.#isRoomy || this.#places.size === 0) return true;
    const headroom = HEADROOM_BLOCKS * this.#runner.info.blockTokens;
    let claimed = claimOf(sequence, headroom);
    for (const [other, { slot }] of this.#places) {
      claimed += Math.max(claimOf(other, headroom), this.#resident.of(slot));
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

  readonly #placeOf = (sequence: Sequence): Place => {
    const place = this.#places.get(sequence);
    if (place === undefined) throw new Error(`${sequence.request.id} is not in the cache. This is a bug.`);
    return place;
  };
}

function claimOf({ knownTokens, mostTokens }: Sequence, headroomTokens: number): number {
  return Math.min(knownTokens + headroomTokens, mostTokens);
}

function isDeterministic({ request }: Sequence): boolean {
  return request.deterministic;
}
