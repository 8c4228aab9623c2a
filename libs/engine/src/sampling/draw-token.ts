import { argmax, requireFinite } from './argmax.js';
import { keepBest } from './keep-best.js';
import { keepTypical } from './keep-typical.js';
import { RankedTokens, rankTokens } from './rank-tokens.js';
import { tokenWeight } from './token-weight.js';

/** How a distribution is cut before a token is drawn from it. */
export interface Truncation {
  /** Above 0. */
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
  /** 1 keeps every token. */
  readonly typicalP: number;
}

/** Working memory of one engine, so that drawing a token allocates nothing. */
export interface SamplingScratch {
  readonly ranked: RankedTokens;
  /** One a token. */
  readonly weights: Float64Array;
  /** Ids of tokens. */
  readonly candidates: Int32Array;
  /** One a token. */
  readonly nearness: Float32Array;
  /** The logits before any rule. */
  readonly modelLogits: Float32Array;
}

/** Most tokens that are ranked; past it a cut is found without ranking. */
export const MAX_RANKED = 1024;
/** Guesses of how many tokens hold the share `topP`. */
const NUCLEUS_GUESSES = [64, MAX_RANKED];
/** Weights that a draw passes over at once; a multiple of 4. */
const DRAW_BLOCK = 256;

export function createSamplingScratch(vocabSize: number): SamplingScratch {
  return {
    ranked: new RankedTokens(MAX_RANKED),
    weights: new Float64Array(vocabSize),
    candidates: new Int32Array(vocabSize),
    nearness: new Float32Array(vocabSize),
    modelLogits: new Float32Array(vocabSize),
  };
}

/**
 * Draws from softmax(logits / temperature) after top_k, then top_p within what top_k left, then min_p, then
 * typical_p within what is left.
 * @param uniform in [0, 1)
 */
export function drawToken(
  logits: Float32Array,
  truncation: Truncation,
  uniform: number,
  scratch: SamplingScratch,
): number {
  const { topK, topP } = truncation;
  if (topK === 0 && topP < 1) return drawFromNucleus(logits, truncation, uniform, scratch);
  if (topK > 0 && topK <= MAX_RANKED) return drawFromTopK(logits, truncation, uniform, scratch);
  return drawFromAll(logits, truncation, uniform, scratch);
}

function drawFromTopK(
  logits: Float32Array,
  truncation: Truncation,
  uniform: number,
  scratch: SamplingScratch,
): number {
  rankTokens(logits, truncation.topK, scratch.ranked);
  return drawFromRanked(truncation, uniform, scratch);
}

/** Draws like `drawToken`, where the `topK` best tokens, or all if there are fewer, are ranked in the scratch already. */
export function drawFromRanked(truncation: Truncation, uniform: number, scratch: SamplingScratch): number {
  const { temperature, topP } = truncation;
  const { ranked, weights } = scratch;
  const best = requireFinite(ranked.logits[0]!);
  const total = weigh(ranked.logits, ranked.count, best, temperature, weights);
  const nucleus = countOfShare(weights, ranked.count, topP * total) ?? ranked.count;
  return drawRanked(nucleus, truncation, uniform, scratch);
}

/** The share is of the whole vocabulary's weight, but only its best tokens are ranked. */
function drawFromNucleus(
  logits: Float32Array,
  truncation: Truncation,
  uniform: number,
  scratch: SamplingScratch,
): number {
  const { temperature, topP } = truncation;
  const { ranked, weights } = scratch;
  const best = logits[argmax(logits)]!;
  const share = topP * weigh(logits, logits.length, best, temperature, weights);
  for (const guess of NUCLEUS_GUESSES) {
    rankTokens(logits, guess, ranked);
    weigh(ranked.logits, ranked.count, best, temperature, weights);
    const nucleus = countOfShare(weights, ranked.count, share);
    if (nucleus !== null) return drawRanked(nucleus, truncation, uniform, scratch);
  }
  return drawFromAll(logits, truncation, uniform, scratch);
}

/** Any truncation, by zeroing the weights of what it cuts. */
function drawFromAll(
  logits: Float32Array,
  { temperature, topK, topP, minP, typicalP }: Truncation,
  uniform: number,
  { weights, candidates, nearness }: SamplingScratch,
): number {
  const best = argmax(logits);
  const count = logits.length;
  let total = weigh(logits, count, logits[best]!, temperature, weights);
  if (topK > 0 && topK < count) total = keepBest(logits, weights, null, topK, candidates);
  if (topP < 1) total = keepBest(logits, weights, weights, topP * total, candidates);
  if (minP > 0) total = dropBelow(weights, count, minP);
  if (typicalP < 1) total = keepTypical(logits, weights, typicalP, nearness, candidates);
  const drawn = drawIndex(weights, count, uniform * total);
  return drawn ?? best;
}

function drawRanked(
  nucleus: number,
  { minP, typicalP }: Truncation,
  uniform: number,
  { ranked, weights, nearness, candidates }: SamplingScratch,
): number {
  let total = dropBelow(weights, nucleus, minP);
  if (typicalP < 1) {
    total = keepTypical(ranked.logits.subarray(0, nucleus), weights, typicalP, nearness, candidates);
  }
  const rank = drawIndex(weights, nucleus, uniform * total);
  return ranked.ids[rank ?? 0]!;
}

/**
 * First index at which the weights sum up to more than `target`; null where rounding leaves them short of it. Whole
 * blocks are passed over by their sums, whose four terms at a time do not wait for each other.
 */
function drawIndex(weights: Float64Array, count: number, target: number): number | null {
  let left = target;
  let start = 0;
  for (; start + DRAW_BLOCK <= count; start += DRAW_BLOCK) {
    const sum = sumOfBlock(weights, start);
    if (sum > left) break;
    left -= sum;
  }
  for (let i = start; i < count; i++) {
    left -= weights[i]!;
    if (left < 0) return i;
  }
  return null;
}

function sumOfBlock(weights: Float64Array, start: number): number {
  let [a, b, c, d] = [0, 0, 0, 0];
  for (let i = start; i < start + DRAW_BLOCK; i += 4) {
    a += weights[i]!;
    b += weights[i + 1]!;
    c += weights[i + 2]!;
    d += weights[i + 3]!;
  }
  return a + b + (c + d);
}

/**
 * Fills `weights` with exp((logit - maxLogit) / temperature), 1 for the best token; returns their sum.
 * @throws BrokenLogitsError where one of the logits is not a number
 */
function weigh(
  logits: Float32Array,
  count: number,
  maxLogit: number,
  temperature: number,
  weights: Float64Array,
): number {
  // Of the least temperatures the inverse is infinite, and 0 times that is no number.
  const scale = Math.min(1 / temperature, Number.MAX_VALUE);
  let total = 0;
  for (let i = 0; i < count; i++) {
    const weight = tokenWeight((logits[i]! - maxLogit) * scale);
    weights[i] = weight;
    total += weight;
  }
  return requireFinite(total);
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

/** How many of the first weights reach `share`, at least one; null where all of them do not. */
function countOfShare(weights: Float64Array, count: number, share: number): number | null {
  let sum = 0;
  for (let i = 0; i < count; i++) {
    sum += weights[i]!;
    if (sum >= share) return i + 1;
  }
  return null;
}
