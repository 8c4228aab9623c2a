const FIRST_DELAY_MS = 1_000;
const GROWTH = 4;
/** The delay is stretched by up to this share, so that jobs that failed together do not come back together. */
const JITTER = 0.5;

/**
 * How long a job waits after its `tries`th failure of ours (from 1): 1 s, 4 s, 16 s, each stretched by chance.
 * @param random uniform in [0, 1)
 */
export function planRetryDelay(tries: number, random: number): number {
  return Math.round(FIRST_DELAY_MS * GROWTH ** (tries - 1) * (1 + JITTER * random));
}
