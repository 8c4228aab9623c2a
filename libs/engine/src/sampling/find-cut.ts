/**
 * The highest logit from which on the tokens amount to `goal`, and what those above it amount to; the lowest finite
 * logit where all of them do not. Quickselect by value: the candidates are split at the middle of their range, and
 * the side that holds the cut is split again.
 * @param amounts what each token counts for, 0 or more; null counts every token as one
 * @param candidates working memory of at least as many ids
 */
export function findCut(
  logits: Float32Array,
  amounts: Float64Array | null,
  goal: number,
  candidates: Int32Array,
): { cut: number; above: number } {
  let count = 0;
  let low = Infinity;
  let high = -Infinity;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id]!;
    if (logit === -Infinity) continue;
    candidates[count++] = id;
    if (logit < low) low = logit;
    if (logit > high) high = logit;
  }
  let above = 0;
  while (low < high) {
    const middle = Math.fround(low + (high - low) / 2);
    const split = splitAt(middle > low ? middle : high, logits, amounts, candidates.subarray(0, count));
    if (above + split.upperAmount >= goal) {
      count = split.upperCount;
      low = split.upperLow;
    } else {
      above += split.upperAmount;
      candidates.copyWithin(0, split.upperCount, count);
      count -= split.upperCount;
      high = split.lowerHigh;
    }
  }
  return { cut: low, above };
}

/** Moves the candidates whose logit is at least `pivot` to the front. */
function splitAt(
  pivot: number,
  logits: Float32Array,
  amounts: Float64Array | null,
  candidates: Int32Array,
): { upperCount: number; upperAmount: number; upperLow: number; lowerHigh: number } {
  let upperCount = 0;
  let upperAmount = 0;
  let upperLow = Infinity;
  let lowerHigh = -Infinity;
  for (let i = 0; i < candidates.length; i++) {
    const id = candidates[i]!;
    const logit = logits[id]!;
    if (logit >= pivot) {
      candidates[i] = candidates[upperCount]!;
      candidates[upperCount++] = id;
      upperAmount += amounts === null ? 1 : amounts[id]!;
      if (logit < upperLow) upperLow = logit;
    } else if (logit > lowerHigh) {
      lowerHigh = logit;
    }
  }
  return { upperCount, upperAmount, upperLow, lowerHigh };
}
