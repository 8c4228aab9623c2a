import type { WorkerHeartbeat } from '#contracts';
import type { LearnedLengths, Moments } from './queue-load.js';

/** What is known of a job, or of the mean of several, before it runs. */
export interface JobSize {
  readonly promptTokens: number;
  /** Most tokens that may be generated. */
  readonly maxTokens: number;
}

export type WorkerSpeed = Pick<WorkerHeartbeat, 'slots' | 'decodeTokensPerSecond' | 'prefillTokensPerSecond'>;

export interface MeasuredSpeed {
  readonly slots: number;
  readonly decodeTokensPerSecond: number;
  readonly prefillTokensPerSecond: number;
}

export interface ServiceTime {
  /** How long a job holds its slot while all slots are taken. */
  readonly seconds: number;
  /** Relative standard deviation of that. */
  readonly deviation: number;
}

/**
 * A job holds its slot for as long as all slots together need for one job of each, because rows share their worker's
 * time. Prompt tokens are known; how many tokens a job generates is taken from what was learned.
 */
export function serviceTime(
  job: JobSize,
  lengths: LearnedLengths,
  workers: readonly MeasuredSpeed[],
): ServiceTime {
  const generated = expectedLength(job.maxTokens, lengths);
  let slots = 0;
  let jobsPerSecond = 0;
  let deviation = 0;
  for (const worker of workers) {
    const decodeSeconds = generated.mean / worker.decodeTokensPerSecond;
    const seconds = job.promptTokens / worker.prefillTokensPerSecond + decodeSeconds;
    slots += worker.slots;
    jobsPerSecond += 1 / seconds;
    deviation += generated.deviation / worker.decodeTokensPerSecond / seconds / workers.length;
  }
  return { seconds: slots / jobsPerSecond, deviation };
}

/** Texts that end by themselves have a length of their own, others fill what they are allowed: whichever varies less. */
function expectedLength(maxTokens: number, { tokens, share }: LearnedLengths): Moments {
  const ownLength = tokens.deviation * share.mean < share.deviation * tokens.mean;
  const { mean, deviation } = ownLength
    ? { mean: Math.min(tokens.mean, maxTokens), deviation: tokens.deviation }
    : { mean: share.mean * maxTokens, deviation: share.deviation * maxTokens };
  return { mean: Math.max(1, mean), deviation };
}

/** A worker that has measured nothing yet is taken to be like the others; null where none has. */
export function measuredSpeeds(workers: readonly WorkerSpeed[]): readonly MeasuredSpeed[] | null {
  const decode = meanOf(workers.map((worker) => worker.decodeTokensPerSecond));
  const prefill = meanOf(workers.map((worker) => worker.prefillTokensPerSecond));
  if (decode === null || prefill === null) return null;
  return workers.map(({ slots, decodeTokensPerSecond, prefillTokensPerSecond }) => ({
    slots,
    decodeTokensPerSecond: decodeTokensPerSecond ?? decode,
    prefillTokensPerSecond: prefillTokensPerSecond ?? prefill,
  }));
}

function meanOf(speeds: readonly (number | null)[]): number | null {
  const known = speeds.filter((speed) => speed !== null);
  return known.length === 0 ? null : known.reduce((sum, speed) => sum + speed, 0) / known.length;
}
