/** Distances from the best token past which a weight counts as 0: 18 decimal orders, less than a draw resolves. */
const LEAST_EXPONENT = -40;
const STEPS_PER_UNIT = 64;

/** exp(-i / 64). */
const POWERS = Float64Array.from({ length: -LEAST_EXPONENT * STEPS_PER_UNIT + 1 }, (_, i) =>
  Math.exp(-i / STEPS_PER_UNIT),
);

/**
 * exp(exponent) for an exponent of at most 0, to nine digits; 0 below -40. A vocabulary of 128,256 takes as many of
 * these for each sampled token, and this is many times as fast as Math.exp: the nearest 64th from a table that fits the
 * first-level cache, and the Taylor polynomial of degree 3 for the rest, which is 1/128 at most.
 */
export function tokenWeight(exponent: number): number {
  if (exponent >= 0) return 1;
  if (exponent < LEAST_EXPONENT) return 0;
  const steps = exponent * -STEPS_PER_UNIT;
  const nearest = (steps + 0.5) | 0;
  const rest = (nearest - steps) / STEPS_PER_UNIT;
  return POWERS[nearest]! * (1 + rest * (1 + rest * (0.5 + rest * (1 / 6))));
}
