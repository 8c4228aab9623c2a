import { RankedTokens, selectTopK } from './select-top-k.js';

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

/** First guess of how many tokens hold the share `topP`; a wrong guess costs another selection. */
const FIRST_NUCLEUS_GUESS = 64;
const NUCLEUS_GROWTH = 8;

/**
 * Draws from softmax(logits / temperature) after top_k, then top_p within what top_k left, then min_p.
 * @param maxLogit the highest of `logits`
 * @param uniform in [0, 1)
 */
export function drawToken(
  logits: Float32Array,
  maxLogit: number,
  truncation: Truncation,
  uniform: number,
  scratch: SamplingScratch,
): number {
  const { topK, topP } = truncation;
  if (topK > 0 && topK < logits.length) return drawFromTopK(logits, truncation, uniform, scratch);
  if (topP < 1) return drawFromNucleus(logits, maxLogit, truncation, uniform, scratch);
  return drawFromAll(logits, maxLogit, truncation, uniform, scratch);
}

function drawFromTopK(
  logits: Float32Array,
  truncation: Truncation,
  uniform: number,
  { ranked, weights }: SamplingScratch,
): number {
  selectTopK(logits, truncation.topK, ranked);
  const total = weigh(ranked.logits, ranked.count, ranked.logits[0]!, truncation.temperature, weights);
  const nucleus = countOfShare(weights, ranked.count, truncation.topP * total);
  return drawRanked(ranked, weights, Math.min(nucleus, ranked.count), truncation.minP, uniform);
}

/** The share is of the whole vocabulary's weight, but only its best tokens are ever ranked. */
function drawFromNucleus(
  logits: Float32Array,
  maxLogit: number,
  truncation: Truncation,
  uniform: number,
  { ranked, weights }: SamplingScratch,
): number {
  const { temperature, topP, minP } = truncation;
  const share = topP * weigh(logits, logits.length, maxLogit, temperature, weights);
  for (let guess = FIRST_NUCLEUS_GUESS; ; guess *= NUCLEUS_GROWTH) {
    selectTopK(logits, guess, ranked);
    weigh(ranked.logits, ranked.count, maxLogit, temperature, weights);
    const nucleus = countOfShare(weights, ranked.count, share);
    if (nucleus <= ranked.count || ranked.count === logits.length) {
      return drawRanked(ranked, weights, Math.min(nucleus, ranked.count), minP, uniform);
    }
  }
}

function drawFromAll(
  logits: Float32Array,
  maxLogit: number,
  { temperature, minP }: Truncation,
  uniform: number,
  { weights }: SamplingScratch,
): number {
  weigh(logits, logits.length, maxLogit, temperature, weights);
  let total = 0;
  for (let id = 0; id < logits.length; id++) if (weights[id]! >= minP) total += weights[id]!;
  let left = uniform * total;
  let drawn = -1;
  for (let id = 0; id < logits.length; id++) {
    const weight = weights[id]!;
    if (weight < minP || weight === 0) continue;
    drawn = id;
    left -= weight;
    if (left < 0) break;
  }
  return drawn;
}

function drawRanked(
  ranked: RankedTokens,
  weights: Float64Array,
  nucleus: number,
  minP: number,
  uniform: number,
): number {
  // The best token weighs 1, so minP is itself the least weight that stays.
  let kept = 0;
  let total = 0;
  while (kept < nucleus && (kept === 0 || weights[kept]! >= minP)) total += weights[kept++]!;
  let left = uniform * total;
  for (let rank = 0; rank < kept; rank++) {
    left -= weights[rank]!;
    if (left < 0) return ranked.ids[rank]!;
  }
  return ranked.ids[kept - 1]!;
}

/** Fills `weights` with exp((logit - maxLogit) / temperature), 1 for the best token; returns their sum. */
function weigh(
  logits: Float32Array,
  count: number,
  maxLogit: number,
  temperature: number,
  weights: Float64Array,
): number {
  let total = 0;
  for (let i = 0; i < count; i++) {
    const weight = Math.exp((logits[i]! - maxLogit) / temperature);
    weights[i] = weight;
    total += weight;
  }
  return total;
}

/** How many of the first weights reach `share`, at least one; `count + 1` where all of them do not. */
function countOfShare(weights: Float64Array, count: number, share: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) {
    sum += weights[i]!;
    if (sum >= share) return i + 1;
  }
  return count + 1;
}
