import type { CacheManager } from '../ports/cache-manager.port.js';
import type { Sequence } from '../sequence/sequence.js';
import type { DraftCounts, Speculator } from '../speculation/speculator.js';
import { isPrefilling, planStep, type StepPlan } from './plan-step.js';
import { learnCosts, prefillBudget, UNKNOWN_COSTS, type ObservedStep } from './prefill-budget.js';
import { reusePrefixes } from './reuse-prefixes.js';
import { scoredTokensPerStep } from './scored-tokens.js';
import { secureRoom } from './secure-room.js';
import type { SequenceTable } from './sequence-table.js';

export interface SchedulerLimits {
  /** Prompt tokens of one step at most, 2 or more. */
  readonly prefillChunkTokens: number;
  /** Even. */
  readonly blockTokens: number;
}

/** A plan with room in the cache for all of it, and what making it took. */
export interface ScheduledStep {
  readonly plan: StepPlan<Sequence>;
  /** Prompt tokens that came from the prefix cache. */
  readonly prefixHitTokens: number;
  /** Sequences that lost their place to older ones. */
  readonly preemptions: number;
}

const NO_DRAFTS: DraftCounts = { draftedTokens: 0, acceptedTokens: 0 };

/** Decides what runs next, and makes room for it. */
export class StepScheduler {
  readonly #table: SequenceTable;
  readonly #cache: CacheManager;
  readonly #limits: SchedulerLimits;
  readonly #speculator: Speculator | null;
  #costs = UNKNOWN_COSTS;

  constructor(
    table: SequenceTable,
    cache: CacheManager,
    limits: SchedulerLimits,
    speculator: Speculator | null,
  ) {
    this.#table = table;
    this.#cache = cache;
    this.#limits = limits;
    this.#speculator = speculator;
  }

  next(): ScheduledStep {
    this.#cache.compact();
    const candidates = this.#table.running
      .filter(({ ticket }) => !ticket.aborted)
      .map(({ sequence }) => sequence);
    const promptTokens = this.#budgetFor(candidates);
    const prefixHitTokens = reusePrefixes(candidates, this.#cache);
    const scoredTokens = scoredTokensPerStep(this.#cache.limits.vocabSize);
    const limits = { promptTokens, scoredTokens, blockTokens: this.#limits.blockTokens };
    const wanted = planStep(
      candidates,
      limits,
      (sequence, chunks) => !sequence.isScoring && this.#cache.isComing(sequence, chunks),
    );
    const secured = secureRoom(wanted, this.#table, this.#cache);
    const plan = this.#speculator?.addDrafts(secured, this.#cache) ?? secured;
    return { plan, prefixHitTokens, preemptions: this.#table.takePreemptions() };
  }

  /** Learns from a step that was committed. */
  learn({ plan }: ScheduledStep, observed: ObservedStep): DraftCounts {
    if (plan.drafts.length === 0) this.#costs = learnCosts(this.#costs, observed);
    return this.#speculator?.learn(plan, observed.modelMs) ?? NO_DRAFTS;
  }

  /** A last lone token joins its prompt's chunk, so there is always room for one more. */
  #budgetFor(candidates: readonly Sequence[]): number {
    const { prefillChunkTokens: most, blockTokens } = this.#limits;
    const decodes = candidates.filter((candidate) => !isPrefilling(candidate)).length;
    const least = Math.min(blockTokens, most);
    const budget = prefillBudget(this.#costs, { least, most, hasDecodes: decodes > 0 });
    return Math.min(budget, this.#cache.limits.stepTokens - decodes - 1);
  }
}
