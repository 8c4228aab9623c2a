/** Largest finite binary16. */
export const LARGEST_FLOAT16 = 65_504;

/** Throws `RangeError` on a weight that is no finite number, or further from zero than `largest`. */
export function checkMagnitudes(weights: Float32Array, largest = Number.MAX_VALUE): void {
  for (let i = 0; i < weights.length; i++) {
    // Written so that NaN, which compares with nothing, is caught too.
    if (!(Math.abs(weights[i]!) <= largest)) {
      const bound = Number.isFinite(weights[i]!) ? `beyond ${largest}` : 'not a finite number';
      throw new RangeError(`weight ${i} of a piece is ${weights[i]}, ${bound}`);
    }
  }
}
