import { BrokenLogitsError } from '../errors.js';

/**
 * Id of the highest logit; the lowest id among equals.
 * @throws BrokenLogitsError where it is not a finite number.
 */
export function argmax(logits: Float32Array): number {
  let best = 0;
  let bestLogit = -Infinity;
  const { length } = logits;
  const wholeGroups = length & -GROUP;
  for (let start = 0; start < length; start += GROUP) {
    // Most groups hold nothing better: told by comparisons alone, twice as fast as one token after another.
    const isWorse =
      start < wholeGroups &&
      !(
        logits[start]! > bestLogit ||
        logits[start + 1]! > bestLogit ||
        logits[start + 2]! > bestLogit ||
        logits[start + 3]! > bestLogit ||
        logits[start + 4]! > bestLogit ||
        logits[start + 5]! > bestLogit ||
        logits[start + 6]! > bestLogit ||
        logits[start + 7]! > bestLogit
      );
    if (isWorse) continue;
    const end = Math.min(start + GROUP, length);
    for (let id = start; id < end; id++) {
      if (logits[id]! > bestLogit) {
        bestLogit = logits[id]!;
        best = id;
      }
    }
  }
  requireFinite(bestLogit);
  return best;
}

const GROUP = 8;

/** Guards against a broken model, whose logits are NaN or infinite. */
export function requireFinite(bestLogit: number): number {
  if (Number.isFinite(bestLogit)) return bestLogit;
  throw new BrokenLogitsError(bestLogit);
}
