/** Distances from the best token past which a weight counts as 0: 18 decimal orders, less than a draw resolves. */
const LEAST_EXPONENT = -40;

/** 2^-k for k from 0 on. */
const POWERS = Float64Array.from({ length: 64 }, (_, k) => 2 ** -k);

/**
 * exp(exponent) for an exponent of at most 0, to nine digits; 0 below -40. A vocabulary of 128,256 takes as many of
 * these for each sampled token, and this is several times as fast as Math.exp and the same on every platform.
 * exp(x) = 2^-k × √½ × e^y with |y| ≤ ln2 / 2, and e^y by its Taylor polynomial of degree 8.
 */
export function tokenWeight(exponent: number): number {
  if (exponent >= 0) return 1;
  if (exponent < LEAST_EXPONENT) return 0;
  const binary = -exponent * Math.LOG2E;
  const k = Math.trunc(binary);
  const y = (0.5 - (binary - k)) * Math.LN2;
  const third = 1 / 6 + y * (1 / 24 + y * (1 / 120 + y * (1 / 720 + y * (1 / 5040 + y / 40_320))));
  return POWERS[k]! * Math.SQRT1_2 * (1 + y * (1 + y * (0.5 + y * third)));
}
