/** What steps have been seen to take with a given number of rows, and when that was last seen. */
export interface StepTimes {
  /** Milliseconds of a step that only decodes; null until one was seen. */
  readonly plainMs: number | null;
  /** Milliseconds that one draft token adds to it; null until one was seen. */
  readonly draftTokenMs: number | null;
  readonly draftSteps: number;
  readonly stepsSincePlain: number;
  readonly stepsSinceDraft: number;
}

export const UNKNOWN_TIMES: StepTimes = {
  plainMs: null,
  draftTokenMs: null,
  draftSteps: 0,
  stepsSincePlain: 0,
  stepsSinceDraft: 0,
};

/** Odd, so that with the next token they fill pairs: kernels take the time of whole pairs of rows. */
const DRAFT_LENGTHS = [1, 3, 5, 7] as const;
export const LONGEST_DRAFT = 7;

/** Draft steps whose lowest time counts: the first run of a new shape takes much longer than all that follow. */
const FIRST_SAMPLES = 3;
/** Steps after which a time is measured again, since load and texts change. */
const PLAIN_CHECK_STEPS = 64;
const DRAFT_CHECK_STEPS = 256;
/** Drafts that are right less often are not worth a measurement. */
const LEAST_ACCEPTANCE = 0.15;
/** Weight of the newest step in the averages. */
const NEWEST_STEP = 0.2;
const NEWEST_TOKEN = 0.1;

/** How often a draft token is right before any was tested. */
export const UNKNOWN_ACCEPTANCE = 0.5;

/** Learns from a step of the same rows with `draftTokens` tokens of drafts. */
export function learnStep(times: StepTimes, modelMs: number, draftTokens: number): StepTimes {
  const { plainMs, draftTokenMs, draftSteps, stepsSincePlain, stepsSinceDraft } = times;
  if (draftTokens === 0 || plainMs === null) {
    return {
      ...times,
      plainMs: plainMs === null ? modelMs : average(plainMs, modelMs, NEWEST_STEP),
      stepsSincePlain: 0,
      stepsSinceDraft: stepsSinceDraft + 1,
    };
  }
  // A draft token at most replaces a step of its own, so what seems to take longer is an outlier.
  const tokenMs = Math.min(plainMs, (modelMs - plainMs) / draftTokens);
  const isFirst = draftTokenMs === null || draftSteps < FIRST_SAMPLES;
  return {
    plainMs,
    draftTokenMs: isFirst
      ? Math.min(draftTokenMs ?? tokenMs, tokenMs)
      : average(draftTokenMs, tokenMs, NEWEST_STEP),
    draftSteps: draftSteps + 1,
    stepsSincePlain: stepsSincePlain + 1,
    stepsSinceDraft: 0,
  };
}

/** Learns from one draft token that was compared with the token sampled in its place. */
export function learnAcceptance(acceptance: number, isRight: boolean): number {
  return average(acceptance, isRight ? 1 : 0, NEWEST_TOKEN);
}

/**
 * How many tokens of a draft to run: the number with the most new tokens per millisecond, 0 where plain decoding is
 * faster. With a share `a` of right tokens a draft of k yields 1 + a + … + a^k tokens. Where a time is unknown or old, the
 * answer is what measures it.
 *
 * @param acceptance share of draft tokens that turn out right, 0 to 1
 * @param rows sequences in the step
 */
export function draftLength(times: StepTimes, acceptance: number, rows: number): number {
  const { plainMs, draftTokenMs, draftSteps, stepsSincePlain, stepsSinceDraft } = times;
  if (plainMs === null || stepsSincePlain >= PLAIN_CHECK_STEPS || acceptance < LEAST_ACCEPTANCE) return 0;
  if (draftTokenMs === null || draftSteps < FIRST_SAMPLES || stepsSinceDraft >= DRAFT_CHECK_STEPS) return 1;
  let best = 0;
  let bestRate = rows / plainMs;
  for (const length of DRAFT_LENGTHS) {
    const tokens = rows - 1 + expectedTokens(acceptance, length);
    const rate = tokens / (plainMs + length * Math.max(0, draftTokenMs));
    if (rate > bestRate) {
      best = length;
      bestRate = rate;
    }
  }
  return best;
}

function expectedTokens(acceptance: number, length: number): number {
  let tokens = 1;
  for (let i = 1, chance = acceptance; i <= length; i++, chance *= acceptance) tokens += chance;
  return tokens;
}

function average(known: number, newest: number, weight: number): number {
  return known + weight * (newest - known);
}
