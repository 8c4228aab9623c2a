import type { EtaSeconds } from '#contracts';
import type { LearnedLengths, RunningJob } from './queue-load.js';
import {
  measuredSpeeds,
  serviceTime,
  type JobSize,
  type MeasuredSpeed,
  type WorkerSpeed,
} from './service-time.js';

/** Jobs with the sums of their sizes. */
export interface Work extends JobSize {
  readonly jobs: number;
}

export interface StartFacts {
  /** Jobs that will be taken before this one. */
  readonly ahead: Work;
  readonly running: readonly RunningJob[];
  readonly lengths: LearnedLengths | null;
  /** Workers that take jobs. */
  readonly workers: readonly WorkerSpeed[];
  readonly nowMs: number;
}

/** Normal deviations within which four of five starts fall. */
const BOUND_DEVIATIONS = 1.28;
/** Relative uncertainty of a measured speed: batches differ in size, machines in their other load. */
const SPEED_DEVIATION = 0.15;
/** Lengths that vary more than this are not told apart; keeps the bounds in order of the work ahead. */
const MOST_LENGTH_DEVIATION = 1.5;
/** A job that has run for longer than expected is taken to need this share of its time still. */
const OVERDUE_SHARE = 0.1;

/**
 * Seconds until a waiting job starts; null where nobody serves it or nothing was measured.
 *
 * Slots come free one after another: first as the running jobs end, then, each of them again, after the time that a
 * job ahead takes.
 */
export function estimateStart(facts: StartFacts): EtaSeconds | null {
  const { ahead, running, lengths } = facts;
  const slots = facts.workers.reduce((sum, worker) => sum + worker.slots, 0);
  if (slots === 0) return null;
  if (ahead.jobs + running.length < slots) return { low: 0, expected: 0, high: 0 };
  const workers = measuredSpeeds(facts.workers);
  if (workers === null || lengths === null) return null;

  const service = serviceTime(meanJob(ahead, running), lengths, workers);
  const releases = slotReleases(facts, slots, service.seconds, lengths, workers);
  const rounds = Math.floor(ahead.jobs / slots);
  const expected = (releases[ahead.jobs % slots] ?? 0) + rounds * service.seconds;
  const lengthDeviation = Math.min(service.deviation, MOST_LENGTH_DEVIATION) / Math.sqrt(1 + ahead.jobs);
  const factor = Math.exp(BOUND_DEVIATIONS * Math.hypot(SPEED_DEVIATION, lengthDeviation));
  return { low: round(expected / factor), expected: round(expected), high: round(expected * factor) };
}

/** The mean of the jobs ahead, or of the running ones where none is ahead. */
function meanJob(ahead: Work, running: readonly RunningJob[]): JobSize {
  const jobs = ahead.jobs > 0 ? [ahead] : running;
  const count = ahead.jobs > 0 ? ahead.jobs : running.length;
  return {
    promptTokens: jobs.reduce((sum, job) => sum + job.promptTokens, 0) / count,
    maxTokens: jobs.reduce((sum, job) => sum + job.maxTokens, 0) / count,
  };
}

/** Ascending seconds after which each slot is free for the first time. Slots of workers that leave come last. */
function slotReleases(
  { running, nowMs }: StartFacts,
  slots: number,
  roundSeconds: number,
  lengths: LearnedLengths,
  workers: readonly MeasuredSpeed[],
): number[] {
  const left = running.map((job) => {
    const { seconds } = serviceTime(job, lengths, workers);
    const ranSeconds = Math.max(0, nowMs - job.sinceMs) / 1000;
    return Math.max(seconds - ranSeconds, OVERDUE_SHARE * seconds);
  });
  const taken = left.toSorted((a, b) => a - b).slice(-slots);
  const releases = [...Array.from({ length: slots - taken.length }, () => 0), ...taken];
  const [first = 0] = releases;
  // A slot that takes longer than a round is overtaken by one that comes free twice.
  return releases.map((seconds) => Math.min(seconds, first + roundSeconds));
}

function round(seconds: number): number {
  return Math.round(seconds * 100) / 100;
}
