import { prefillChunkEnd } from './prefill-chunk.js';

/** A sequence that holds a slot, as the planner sees it. */
export interface PlanCandidate {
  readonly slot: number;
  /** Tokens that run in chunks, the first ones: at least the prompt. */
  readonly prefillTokens: number;
  /** Tokens that are there to run, in chunks or by decode rows. */
  readonly knownTokens: number;
  /** Tokens whose key and value are in the cache. */
  readonly processedTokens: number;
  /** Rank by admission: lower came earlier. */
  readonly admission: number;
}

interface PlannedPrefill {
  readonly slot: number;
  readonly startPosition: number;
  readonly tokenCount: number;
  /** True where a token is sampled next: the chunk runs the last known token. */
  readonly needsLogits: boolean;
}

/** Who runs in the next step. Nothing has changed yet while it is made. */
export interface StepPlan {
  /** Ascending: the rows of the step's batch. */
  readonly decodeSlots: readonly number[];
  readonly prefills: readonly PlannedPrefill[];
}

export function isEmptyPlan({ decodeSlots, prefills }: StepPlan): boolean {
  return decodeSlots.length === 0 && prefills.length === 0;
}

export function plannedSlots({ decodeSlots, prefills }: StepPlan): number[] {
  return [...decodeSlots, ...prefills.map(({ slot }) => slot)];
}

export interface PlanLimits {
  readonly prefillChunkTokens: number;
  /** Decode rows and prompt tokens of one step. */
  readonly stepTokenBudget: number;
}

/**
 * Decodes go first, all of them, so that no prompt delays a running text by more than one step's budget. Prompt
 * chunks take what is left in order of admission, one chunk a sequence; the first is taken even where it exceeds
 * the budget, so that prompts always move on.
 */
export function planStep(candidates: readonly PlanCandidate[], limits: PlanLimits): StepPlan {
  const decodeSlots = candidates
    .filter((candidate) => !isPrefilling(candidate))
    .map(({ slot }) => slot)
    .toSorted((a, b) => a - b);
  const waiting = candidates.filter(isPrefilling).toSorted((a, b) => a.admission - b.admission);
  const prefills: PlannedPrefill[] = [];
  let budget = limits.stepTokenBudget - decodeSlots.length;
  for (const candidate of waiting) {
    const prefill = planPrefill(candidate, limits.prefillChunkTokens);
    if (prefills.length > 0 && prefill.tokenCount > budget) break;
    prefills.push(prefill);
    budget -= prefill.tokenCount;
  }
  return { decodeSlots, prefills };
}

function isPrefilling({ processedTokens, prefillTokens }: PlanCandidate): boolean {
  return processedTokens < prefillTokens;
}

function planPrefill(candidate: PlanCandidate, chunkTokens: number): PlannedPrefill {
  const { slot, processedTokens, prefillTokens, knownTokens } = candidate;
  const end = prefillChunkEnd(processedTokens, prefillTokens, chunkTokens);
  return {
    slot,
    startPosition: processedTokens,
    tokenCount: end - processedTokens,
    needsLogits: end === knownTokens,
  };
}
