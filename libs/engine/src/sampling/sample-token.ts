import { argmax } from './argmax.js';
import { drawToken, type SamplingScratch } from './draw-token.js';
import {
  addLogitBias,
  banTokens,
  maskTokens,
  penalizeGenerated,
  penalizeRepetition,
  requireCandidate,
} from './logit-rules.js';
import type { SamplingParams } from './sampling-params.js';
import type { TokenHistory } from './token-history.js';
import { tokenLogprobs, type TokenLogprobs } from './token-logprobs.js';
import { uniformAt } from './uniform-at.js';

export interface SamplingContext {
  readonly params: SamplingParams;
  readonly history: TokenHistory;
  /** Position of the new token in its sequence; with the seed it decides the draw. */
  readonly position: number;
  /** Tokens that must not come yet: the end tokens, before `minTokens` are there. */
  readonly bannedTokenIds: readonly number[];
  /** Bits of the tokens that a constraint allows, as in `maskTokens`; null where every token may come. */
  readonly allowedTokens: Int32Array | null;
}

/**
 * Chooses the next token. Rules in order: logit bias, repetition penalty, presence and frequency penalty, banned
 * tokens, constraint; then greedy, or temperature, top_k, top_p, min_p, typical_p (the order of Hugging Face
 * transformers' `_get_logits_processor`) and the draw. `logits` is changed in place.
 * @throws Error where the model's logits are not numbers, or the constraint leaves no token.
 */
export function sampleToken(
  logits: Float32Array,
  { params, history, position, bannedTokenIds, allowedTokens }: SamplingContext,
  scratch: SamplingScratch,
): number {
  addLogitBias(logits, params.logitBias);
  penalizeRepetition(logits, history.seen, params.repetitionPenalty);
  penalizeGenerated(logits, history.generatedCounts, params.presencePenalty, params.frequencyPenalty);
  banTokens(logits, bannedTokenIds);
  if (allowedTokens !== null) {
    maskTokens(logits, allowedTokens);
    requireCandidate(logits);
  }
  if (params.temperature === 0) return argmax(logits);
  return drawToken(logits, params, uniformAt(params.seed, position), scratch);
}

/** Chooses the next token like `sampleToken`, and tells how probable the model held it and the `topCount` best ones. */
export function sampleWithLogprobs(
  logits: Float32Array,
  context: SamplingContext,
  topCount: number,
  scratch: SamplingScratch,
): TokenLogprobs {
  scratch.modelLogits.set(logits);
  const tokenId = sampleToken(logits, context, scratch);
  return tokenLogprobs(scratch.modelLogits, tokenId, topCount, scratch.ranked);
}
