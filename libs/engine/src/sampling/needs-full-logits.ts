import { MAX_RANKED } from './draw-token.js';
import type { SamplingParams } from './sampling-params.js';

/** What decides how much of a vocabulary the choice of a token looks at. */
export interface SamplingRules {
  readonly params: SamplingParams;
  readonly bannedTokenIds: readonly number[];
  /** A constraint rules tokens out. */
  readonly isConstrained: boolean;
  /** How many best tokens are reported beside the chosen one. */
  readonly topLogprobs: number;
}

/**
 * Whether a token can be chosen and reported from the logits of the whole vocabulary only. Rules may raise a token from
 * anywhere or strike out the best ones, and a share is one of the whole distribution; a greedy choice or a draw among
 * the `top_k` best needs no more than these.
 * @param topLogits how many best logits there would be instead
 */
export function needsFullLogits(rules: SamplingRules, topLogits: number): boolean {
  return hasLogitRules(rules) || !choosesAmongBest(rules.params, topLogits) || rules.topLogprobs > topLogits;
}

function hasLogitRules({ params, bannedTokenIds, isConstrained }: SamplingRules): boolean {
  return (
    isConstrained ||
    bannedTokenIds.length > 0 ||
    params.logitBias.size > 0 ||
    params.repetitionPenalty !== 1 ||
    params.presencePenalty !== 0 ||
    params.frequencyPenalty !== 0
  );
}

function choosesAmongBest({ temperature, topK }: SamplingParams, topLogits: number): boolean {
  return temperature === 0 || (topK > 0 && topK <= Math.min(topLogits, MAX_RANKED));
}
