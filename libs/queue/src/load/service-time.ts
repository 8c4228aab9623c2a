import type { WorkerHeartbeat } from '#contracts';
import { expectedLength } from './learned-lengths.js';
import type { JobSize, Work } from './queue-load.js';

export type WorkerSpeed = Pick<WorkerHeartbeat, 'slots' | 'decodeTokensPerSecond' | 'prefillTokensPerSecond'>;

export interface MeasuredSpeed {
  readonly slots: number;
  readonly decodeTokensPerSecond: number;
  readonly prefillTokensPerSecond: number;
}

export interface ServiceTime {
  /** How long a job holds its slot while all slots are taken. */
  readonly seconds: number;
  /** Standard deviation of that. */
  readonly deviation: number;
}

/**
 * A job holds its slot for as long as all slots together need for one job of each, because rows share their worker's
 * time. Prompt tokens are known; how many tokens a job generates is taken from what was learned, null where nothing was.
 */
export function serviceTime(
  job: JobSize & Pick<Work, 'lengths'>,
  workers: readonly MeasuredSpeed[],
): ServiceTime | null {
  if (job.lengths === null) return null;
  const generated = expectedLength(job.maxTokens, job.lengths);
  let slots = 0;
  let jobsPerSecond = 0;
  let relativeDeviation = 0;
  for (const worker of workers) {
    const decodeSeconds = generated.mean / worker.decodeTokensPerSecond;
    const seconds = job.promptTokens / worker.prefillTokensPerSecond + decodeSeconds;
    slots += worker.slots;
    jobsPerSecond += 1 / seconds;
    relativeDeviation += generated.deviation / worker.decodeTokensPerSecond / seconds / workers.length;
  }
  const seconds = slots / jobsPerSecond;
  return { seconds, deviation: relativeDeviation * seconds };
}

/** Seconds of slots that jobs take together; null where one of them is of unknown length. */
export function slotSeconds(work: readonly Work[], workers: readonly MeasuredSpeed[]): ServiceTime | null {
  let seconds = 0;
  let variance = 0;
  for (const { jobs, promptTokens, maxTokens, lengths } of work) {
    if (jobs === 0) continue;
    const mean = { promptTokens: promptTokens / jobs, maxTokens: maxTokens / jobs, lengths };
    const service = serviceTime(mean, workers);
    if (service === null) return null;
    seconds += jobs * service.seconds;
    variance += jobs * service.deviation ** 2;
  }
  return { seconds, deviation: Math.sqrt(variance) };
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
