import type { TokenLogits, TopLogits } from '../ports/token-logits.js';
import { argmax, requireFinite } from './argmax.js';
import { drawFromRanked, drawToken, type SamplingScratch } from './draw-token.js';
import {
  addLogitBias,
  banTokens,
  maskTokens,
  penalizeGenerated,
  penalizeRepetition,
  requireCandidate,
} from './logit-rules.js';
import { needsFullLogits } from './needs-full-logits.js';
import type { SamplingParams } from './sampling-params.js';
import type { TokenHistory } from './token-history.js';
import { tokenLogprobs, topTokenLogprobs, type TokenLogprobs } from './token-logprobs.js';
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
 * transformers' `_get_logits_processor`) and the draw. Whole rows of logits are changed in place; of the best ones the
 * token is the same.
 * @throws Error where the model's logits are not numbers, or the constraint leaves no token.
 */
export function sampleToken(logits: TokenLogits, context: SamplingContext, scratch: SamplingScratch): number {
  if (!(logits instanceof Float32Array)) return sampleBest(logits, context, scratch);
  const { params, history, position, bannedTokenIds, allowedTokens } = context;
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

function sampleBest(top: TopLogits, context: SamplingContext, scratch: SamplingScratch): number {
  const { params, position, allowedTokens } = context;
  const rules = { ...context, isConstrained: allowedTokens !== null, topLogprobs: 0 };
  if (needsFullLogits(rules, top.tokenIds.length)) {
    throw new Error('The model runner left out logits that the sampling rules need. This is a bug.');
  }
  requireFinite(top.logSumExp);
  if (params.temperature === 0) return top.tokenIds[0]!;
  scratch.ranked.take(top, params.topK);
  return drawFromRanked(params, uniformAt(params.seed, position), scratch);
}

/** Chooses the next token like `sampleToken`, and tells how probable the model held it and the `topCount` best ones. */
export function sampleWithLogprobs(
  logits: TokenLogits,
  context: SamplingContext,
  topCount: number,
  scratch: SamplingScratch,
): TokenLogprobs {
  if (!(logits instanceof Float32Array)) {
    return topTokenLogprobs(logits, sampleToken(logits, context, scratch), topCount);
  }
  scratch.modelLogits.set(logits);
  const tokenId = sampleToken(logits, context, scratch);
  return tokenLogprobs(scratch.modelLogits, tokenId, topCount, scratch.ranked);
}
