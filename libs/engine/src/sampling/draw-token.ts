import { argmax, requireFinite } from './argmax.js';
import { RankedTokens, rankTokens } from './rank-tokens.js';
import { tokenWeight } from './token-weight.js';

/** How a distribution is cut before a token is drawn from it. */
export interface Truncation {
  /** Above 0. */
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
}

/** Working memory of one engine, so that drawing a token allocates nothing. */
export interface SamplingScratch {
  readonly ranked: RankedTokens;
  readonly weights: Float64Array;
}

export function createSamplingScratch(vocabSize: number): SamplingScratch {
  return { ranked: new RankedTokens(), weights: new Float64Array(vocabSize) };
}

/** Guesses of how many tokens hold the share `topP`; after them, all are ranked. */
const NUCLEUS_GUESSES = [64, 1024, Infinity];

/**
 * Draws from softmax(logits / temperature) after top_k, then top_p within what top_k left, then min_p.
 * @param uniform in [0, 1)
 */
export function drawToken(
  logits: Float32Array,
  truncation: Truncation,
  uniform: number,
  scratch: SamplingScratch,
): number {
  const { topK, topP } = truncation;
  if (topK > 0 && topK < logits.length) return drawFromTopK(logits, truncation, uniform, scratch);
  if (topP < 1) return drawFromNucleus(logits, truncation, uniform, scratch);
  return drawFromAll(logits, truncation, uniform, scratch);
}

function drawFromTopK(
  logits: Float32Array,
  truncation: Truncation,
  uniform: number,
  { ranked, weights }: SamplingScratch,
): number {
  rankTokens(logits, truncation.topK, ranked);
  const best = requireFinite(ranked.logits[0]!);
  const total = weigh(ranked.logits, ranked.count, best, truncation.temperature, weights);
  const nucleus = countOfShare(weights, ranked.count, truncation.topP * total) ?? ranked.count;
  return drawRanked(ranked, weights, nucleus, truncation.minP, uniform);
}

/** The share is of the whole vocabulary's weight, but only its best tokens are ranked. */
function drawFromNucleus(
  logits: Float32Array,
  { temperature, topP, minP }: Truncation,
  uniform: number,
  { ranked, weights }: SamplingScratch,
): number {
  const best = logits[argmax(logits)]!;
  const share = topP * weigh(logits, logits.length, best, temperature, weights);
  let nucleus: number | null = null;
  for (const guess of NUCLEUS_GUESSES) {
    rankTokens(logits, guess, ranked);
    weigh(ranked.logits, ranked.count, best, temperature, weights);
    nucleus = countOfShare(weights, ranked.count, share);
    if (nucleus !== null) break;
  }
  return drawRanked(ranked, weights, nucleus ?? ranked.count, minP, uniform);
}

function drawFromAll(
  logits: Float32Array,
  { temperature, minP }: Truncation,
  uniform: number,
  { weights }: SamplingScratch,
): number {
  const best = argmax(logits);
  let total = weigh(logits, logits.length, logits[best]!, temperature, weights);
  if (minP > 0) total = dropBelow(weights, logits.length, minP);
  let left = uniform * total;
  for (let id = 0; id < logits.length; id++) {
    left -= weights[id]!;
    if (left < 0) return id;
  }
  // Rounding left a sliver past the last token.
  return best;
}

/** Zeroes weights below `least`; returns the sum of the others. The best token weighs 1, so min_p is a weight. */
function dropBelow(weights: Float64Array, count: number, least: number): number {
  let total = 0;
  for (let i = 0; i < count; i++) {
    if (weights[i]! < least) weights[i] = 0;
    else total += weights[i]!;
  }
  return total;
}

function drawRanked(
  ranked: RankedTokens,
  weights: Float64Array,
  nucleus: number,
  minP: number,
  uniform: number,
): number {
  let left = uniform * dropBelow(weights, nucleus, minP);
  for (let rank = 0; rank < nucleus; rank++) {
    left -= weights[rank]!;
    if (left < 0) return ranked.ids[rank]!;
  }
  // Rounding left a sliver past the last token.
  return ranked.ids[0]!;
}

/** Fills `weights` with exp((logit - maxLogit) / temperature), 1 for the best token; returns their sum. */
function weigh(
  logits: Float32Array,
  count: number,
  maxLogit: number,
  temperature: number,
  weights: Float64Array,
): number {
  const scale = 1 / temperature;
  let total = 0;
  for (let i = 0; i < count; i++) {
    const weight = tokenWeight((logits[i]! - maxLogit) * scale);
    weights[i] = weight;
    total += weight;
  }
  return total;
}

/** How many of the first weights reach `share`, at least one; null where all of them do not. */
function countOfShare(weights: Float64Array, count: number, share: number): number | null {
  let sum = 0;
  for (let i = 0; i < count; i++) {
    sum += weights[i]!;
    if (sum >= share) return i + 1;
  }
  return null;
}
