/** How long texts were lately. Recent jobs weigh most. */
export interface LearnedLengths {
  /** Tokens generated. */
  readonly tokens: Moments;
  /** Generated tokens over the most that were allowed. */
  readonly share: Moments;
}

export interface Moments {
  readonly mean: number;
  readonly deviation: number;
}

/** Fading sums over finished jobs. */
export interface LengthSums {
  readonly jobs: number;
  readonly tokens: number;
  readonly tokensSquared: number;
  readonly share: number;
  readonly shareSquared: number;
}

/** Fewer jobs of a class tell less about it than all jobs do. */
const TELLING_JOBS = 3;

/** What `own` jobs tell, or where they are too few what `all` do; null where there are none. */
export function lengthsOf(own: LengthSums, all: LengthSums): LearnedLengths | null {
  const sums = own.jobs >= TELLING_JOBS ? own : all;
  if (sums.jobs === 0) return null;
  return {
    tokens: momentsOf(sums.jobs, sums.tokens, sums.tokensSquared),
    share: momentsOf(sums.jobs, sums.share, sums.shareSquared),
  };
}

export function addLengths(a: LengthSums, b: LengthSums): LengthSums {
  return {
    jobs: a.jobs + b.jobs,
    tokens: a.tokens + b.tokens,
    tokensSquared: a.tokensSquared + b.tokensSquared,
    share: a.share + b.share,
    shareSquared: a.shareSquared + b.shareSquared,
  };
}

/**
 * The length to expect of a text that may have `maxTokens`, one at least. Texts that end by themselves have a length of
 * their own, others fill what they are allowed: whichever varies less.
 */
export function expectedLength(maxTokens: number, { tokens, share }: LearnedLengths): Moments {
  const ownLength = tokens.deviation * share.mean < share.deviation * tokens.mean;
  const { mean, deviation } = ownLength
    ? { mean: Math.min(tokens.mean, maxTokens), deviation: tokens.deviation }
    : { mean: share.mean * maxTokens, deviation: share.deviation * maxTokens };
  return { mean: Math.max(1, mean), deviation };
}

function momentsOf(count: number, sum: number, sumOfSquares: number): Moments {
  const mean = sum / count;
  return { mean, deviation: Math.sqrt(Math.max(0, sumOfSquares / count - mean ** 2)) };
}
