import { findCut } from './find-cut.js';

/**
 * Locally typical sampling (Meister et al. 2023, arXiv:2202.00666): keeps the tokens whose surprise is nearest to the
 * entropy until they hold `share` of the weight, all of equals, and sets the weights of all others to 0. Surprise is
 * linear in the logit, and the entropy its mean: so the nearest are those with a logit near the expected logit.
 * @param weights one a logit; 0 for a token that was cut before
 * @param nearness working memory of at least the same length, like `candidates`
 * @returns the sum of the weights that stay
 */
export function keepTypical(
  logits: Float32Array,
  weights: Float64Array,
  share: number,
  nearness: Float32Array,
  candidates: Int32Array,
): number {
  let total = 0;
  let weighted = 0;
  for (let i = 0; i < logits.length; i++) {
    const weight = weights[i]!;
    if (weight === 0) continue;
    total += weight;
    weighted += weight * logits[i]!;
  }
  const expected = weighted / total;
  for (let i = 0; i < logits.length; i++) {
    nearness[i] = weights[i] === 0 ? -Infinity : -Math.abs(logits[i]! - expected);
  }
  const { cut } = findCut(nearness.subarray(0, logits.length), weights, share * total, candidates);
  let kept = 0;
  for (let i = 0; i < logits.length; i++) {
    if (nearness[i]! >= cut) kept += weights[i]!;
    else weights[i] = 0;
  }
  return kept;
}
