import type { EtaSeconds } from '#contracts';
import type { RunningJob, Work } from './queue-load.js';
import {
  measuredSpeeds,
  serviceTime,
  slotSeconds,
  type MeasuredSpeed,
  type WorkerSpeed,
} from './service-time.js';

export interface StartFacts {
  /** Jobs that will be taken before this one, by kind. */
  readonly ahead: readonly Work[];
  /** Jobs a second that have been coming lately and would overtake it, by kind. */
  readonly overtaking: readonly Work[];
  readonly running: readonly RunningJob[];
  /** Workers that take jobs. */
  readonly workers: readonly WorkerSpeed[];
  readonly nowMs: number;
}

/** Normal deviations within which four of five starts fall. */
const BOUND_DEVIATIONS = 1.28;
/** Relative uncertainty of a measured speed: batches differ in size, machines in their other load. */
const SPEED_DEVIATION = 0.25;
/** Uncertainty of the moment when the next slot comes free, in times that a job holds its slot. */
const RELEASE_DEVIATION = 0.5;
/**
 * Where better jobs come as fast as they are served, this one would wait for ever. Near that a small change of what
 * comes is a large one of the wait, so no estimate goes so far.
 */
const MOST_OVERTAKEN_SHARE = 0.75;
/** Relative uncertainty of that share. */
const SHARE_DEVIATION = 0.2;
/** A job that has run for longer than expected is taken to need this share of its time still. */
const OVERDUE_SHARE = 0.1;

/**
 * Seconds until a waiting job starts; null where nobody serves it or nothing was measured.
 *
 * Slots come free one after another: first as the running jobs end, then, each of them again, after the time that a
 * job ahead takes. Better jobs that come meanwhile take their share of the slots, which makes the wait longer by
 * 1 / (1 - share), as in a queue with priorities (Cobham 1954).
 */
export function estimateStart(facts: StartFacts): EtaSeconds | null {
  const slots = facts.workers.reduce((sum, worker) => sum + worker.slots, 0);
  const jobsAhead = Math.round(facts.ahead.reduce((sum, { jobs }) => sum + jobs, 0));
  if (slots === 0) return null;
  if (jobsAhead + facts.running.length < slots) return { low: 0, expected: 0, high: 0 };
  const workers = measuredSpeeds(facts.workers);
  if (workers === null) return null;
  const ahead = slotSeconds(facts.ahead, workers);
  const overtaking = slotSeconds(facts.overtaking, workers);
  const services = runningServices(facts.running, workers);
  if (ahead === null || overtaking === null || services === null) return null;

  const roundSeconds = jobsAhead === 0 ? meanOf(services) : ahead.seconds / jobsAhead;
  const left = services.map((seconds, i) => secondsLeft(seconds, facts.running[i], facts.nowMs));
  const releases = slotReleases(left, slots, roundSeconds);
  const undisturbed = (releases[jobsAhead % slots] ?? 0) + Math.floor(jobsAhead / slots) * roundSeconds;
  const share = Math.min(MOST_OVERTAKEN_SHARE, overtaking.seconds / slots);
  const expected = undisturbed / (1 - share);
  return withBounds(expected, [
    SPEED_DEVIATION * expected,
    RELEASE_DEVIATION * roundSeconds,
    ahead.deviation / slots,
    arrivalDeviation(facts.overtaking, share, expected),
    (SHARE_DEVIATION * share * expected) / (1 - share),
  ]);
}

/** Deviations in seconds, of causes that have nothing to do with each other. */
function withBounds(expected: number, deviations: readonly number[]): EtaSeconds {
  const margin = BOUND_DEVIATIONS * Math.hypot(...deviations);
  return {
    low: round(Math.max(0, expected - margin)),
    expected: round(expected),
    high: round(expected + margin),
  };
}

/** Arrivals of a Poisson process that take `share` of the slots, over some seconds. */
function arrivalDeviation(arriving: readonly Work[], share: number, seconds: number): number {
  const jobsPerSecond = arriving.reduce((sum, { jobs }) => sum + jobs, 0);
  return jobsPerSecond === 0 ? 0 : (share / jobsPerSecond) * Math.sqrt(jobsPerSecond * seconds);
}

/** How long each running job holds its slot in all; null where the length of one is unknown. */
function runningServices(
  running: readonly RunningJob[],
  workers: readonly MeasuredSpeed[],
): readonly number[] | null {
  const seconds: number[] = [];
  for (const job of running) {
    const service = serviceTime(job, workers);
    if (service === null) return null;
    seconds.push(service.seconds);
  }
  return seconds;
}

function secondsLeft(serviceSeconds: number, job: RunningJob | undefined, nowMs: number): number {
  const ranSeconds = Math.max(0, nowMs - (job?.sinceMs ?? nowMs)) / 1000;
  return Math.max(serviceSeconds - ranSeconds, OVERDUE_SHARE * serviceSeconds);
}

/** Ascending seconds after which each slot is free for the first time. Slots of workers that leave come last. */
function slotReleases(left: readonly number[], slots: number, roundSeconds: number): readonly number[] {
  const taken = left.toSorted((a, b) => a - b).slice(-slots);
  const releases = [...Array.from({ length: slots - taken.length }, () => 0), ...taken];
  const [first = 0] = releases;
  // A slot that takes longer than a round is overtaken by one that comes free twice.
  return releases.map((seconds) => Math.min(seconds, first + roundSeconds));
}

function round(seconds: number): number {
  return Math.round(seconds * 100) / 100;
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}
