import { BrokenLogitsError } from '../errors.js';

/**
 * Id of the highest logit; the lowest id among equals.
 * @throws BrokenLogitsError where it is not a finite number.
 */
export function argmax(logits: Float32Array): number {
  let best = 0;
  let bestLogit = -Infinity;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id]!;
    if (logit > bestLogit) {
      bestLogit = logit;
      best = id;
    }
  }
  requireFinite(bestLogit);
  return best;
}

/** Guards against a broken model, whose logits are NaN or infinite. */
export function requireFinite(bestLogit: number): number {
  if (Number.isFinite(bestLogit)) return bestLogit;
  throw new BrokenLogitsError(bestLogit);
}
