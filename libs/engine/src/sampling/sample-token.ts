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
  const best = argmax(logits);
  if (params.temperature === 0) return best;
  return drawToken(logits, logits[best]!, params, uniformAt(params.seed, position), scratch);
}

/** Id of the highest logit; the lowest id among equals. */
export function argmax(logits: Float32Array): number {
  let best = -1;
  let bestLogit = -Infinity;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id]!;
    if (logit > bestLogit) {
      bestLogit = logit;
      best = id;
    } else if (logit !== logit) {
      throw new Error(
        `The model gave NaN as the logit of token ${id}. Check the variant's files and device.`,
      );
    }
  }
  if (best < 0 || bestLogit === Infinity) {
    throw new Error(`The highest logit of the model is ${bestLogit}. Check the variant's files and device.`);
  }
  return best;
}
