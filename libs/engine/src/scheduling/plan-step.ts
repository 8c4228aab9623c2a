import { prefillChunkTokens } from './prefill-chunk.js';

/** A sequence that has a place in the cache, as the planner sees it. */
export interface PlanCandidate {
  /** Tokens that run in chunks, the first ones: at least the prompt. */
  readonly prefillTokens: number;
  /** Tokens that are there to run, in chunks or by decode rows. */
  readonly knownTokens: number;
  /** Tokens whose key and value are in the cache. */
  readonly processedTokens: number;
  /** The logits of all positions of its chunks are wanted. */
  readonly isScoring: boolean;
}

/** A run of known tokens, from `processedTokens` on. */
export interface PlannedChunk<S> {
  readonly sequence: S;
  readonly tokenCount: number;
  /** Of how many of its last tokens the logits are wanted: all of a prompt that is scored, else 1 at the last known token. */
  readonly logitPositions: number;
}

/** A sequence that runs its next token and, behind it, what may come after that. */
export interface PlannedDraft<S> {
  readonly sequence: S;
  /** At least one. */
  readonly tokenIds: Int32Array;
}

/** Which sequences advance in the next step, and by how many tokens. Nothing has changed yet while it is made. */
export interface StepPlan<S> {
  /** Each by the one token that is next. */
  readonly decodes: readonly S[];
  readonly chunks: readonly PlannedChunk<S>[];
  /** Decodes that may advance by more than one token. */
  readonly drafts: readonly PlannedDraft<S>[];
}

export interface PlanLimits {
  /** Prompt tokens of one step, 2 or more. */
  readonly promptTokens: number;
  /** Those among them of prompts that are scored, 2 or more; even. */
  readonly scoredTokens: number;
  /** Tokens of a block of the prefix cache; even. */
  readonly blockTokens: number;
}

export function isEmptyPlan({ decodes, chunks, drafts }: StepPlan<unknown>): boolean {
  return decodes.length === 0 && chunks.length === 0 && drafts.length === 0;
}

/** Everyone who advances. */
export function sequencesOf<S>({ decodes, chunks, drafts }: StepPlan<S>): S[] {
  return [...decodes, ...[...chunks, ...drafts].map(({ sequence }) => sequence)];
}

export function isPrefilling({ processedTokens, prefillTokens }: PlanCandidate): boolean {
  return processedTokens < prefillTokens;
}

/**
 * Decodes go first, all of them, so that prompts delay a running text by no more than one step's budget of prompt
 * tokens. Prompts share the budget in order of admission; the first one always moves on. One whose next tokens another
 * chunk of the step computes for both waits for them. Prompts that are scored share a budget of their own besides.
 *
 * @param candidates in order of admission
 * @param isComing whether one of the chunks so far computes what the candidate would run next
 */
export function planStep<S extends PlanCandidate>(
  candidates: readonly S[],
  limits: PlanLimits,
  isComing: (candidate: S, chunks: readonly PlannedChunk<S>[]) => boolean,
): StepPlan<S> {
  const decodes: S[] = [];
  const chunks: PlannedChunk<S>[] = [];
  let [promptTokensLeft, scoredTokensLeft] = [limits.promptTokens, limits.scoredTokens];
  for (const candidate of candidates) {
    if (!isPrefilling(candidate)) {
      decodes.push(candidate);
      continue;
    }
    const { processedTokens, prefillTokens, knownTokens, isScoring } = candidate;
    const mostTokens = isScoring ? Math.min(promptTokensLeft, scoredTokensLeft) : promptTokensLeft;
    if (mostTokens < 2 || isComing(candidate, chunks)) continue;
    const bounds = { mostTokens, blockTokens: limits.blockTokens };
    const tokenCount = prefillChunkTokens(processedTokens, prefillTokens, bounds);
    promptTokensLeft -= tokenCount;
    if (isScoring) scoredTokensLeft -= tokenCount;
    const lastPositions = processedTokens + tokenCount === knownTokens ? 1 : 0;
    const logitPositions = isScoring ? tokenCount : lastPositions;
    chunks.push({ sequence: candidate, tokenCount, logitPositions });
  }
  return { decodes, chunks, drafts: [] };
}
