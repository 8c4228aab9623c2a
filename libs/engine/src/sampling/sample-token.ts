import { argmax } from './argmax.js';
import { drawToken, type SamplingScratch } from './draw-token.js';
import { addLogitBias, banTokens, penalizeGenerated, penalizeRepetition } from './logit-rules.js';
import type { SamplingParams } from './sampling-params.js';
import type { TokenHistory } from './token-history.js';
import { uniformAt } from './uniform-at.js';

export interface SamplingContext {
  readonly params: SamplingParams;
  readonly history: TokenHistory;
  /** Position of the new token in its sequence; with the seed it decides the draw. */
  readonly position: number;
  /** Tokens that must not come yet: the end tokens, before `minTokens` are there. */
  readonly bannedTokenIds: readonly number[];
}

/**
 * Chooses the next token. Rules in order: logit bias, repetition penalty, presence and frequency penalty, banned
 * tokens; then greedy, or temperature, top_k, top_p, min_p and the draw. `logits` is changed in place.
 * @throws Error where the model's logits are not numbers.
 */
export function sampleToken(
  logits: Float32Array,
  { params, history, position, bannedTokenIds }: SamplingContext,
  scratch: SamplingScratch,
): number {
  addLogitBias(logits, params.logitBias);
  penalizeRepetition(logits, history.seen, params.repetitionPenalty);
  penalizeGenerated(logits, history.generatedCounts, params.presencePenalty, params.frequencyPenalty);
  banTokens(logits, bannedTokenIds);
  if (params.temperature === 0) return argmax(logits);
  return drawToken(logits, params, uniformAt(params.seed, position), scratch);
}
