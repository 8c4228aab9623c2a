import { findCut } from './find-cut.js';

/**
 * Keeps the best tokens until they amount to `goal` and sets the weights of all others to 0; the lower id goes first
 * among equal logits. Nothing is sorted, however many tokens stay.
 * @param amounts what each token counts for, 0 or more; null counts every token as one
 * @param candidates working memory of the vocabulary's length
 * @returns the sum of the weights that stay
 */
export function keepBest(
  logits: Float32Array,
  weights: Float64Array,
  amounts: Float64Array | null,
  goal: number,
  candidates: Int32Array,
): number {
  const { cut, above } = findCut(logits, amounts, goal, candidates);
  let amount = above;
  let total = 0;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id]!;
    const stays = logit > cut || (logit === cut && amount < goal);
    if (stays && logit === cut) amount += amounts === null ? 1 : amounts[id]!;
    if (stays) total += weights[id]!;
    else weights[id] = 0;
  }
  return total;
}
