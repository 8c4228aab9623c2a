import { setTimeout as sleep } from 'node:timers/promises';
import { spreadOf, type Spread } from '../support/spread.js';
import { backlogJob } from './backlog.js';
import { BACKLOG_VARIANT, type BenchSystem } from './bench-system.js';
import { followJob } from './measure-service.js';
import type { RedisProbe } from './redis-probe.js';

export interface DrainFigures {
  /** Jobs a second that the instant worker ends while jobs wait. */
  readonly jobsPerS: number;
  /** What Redis spends on each of them, from the worker's taking it to its end. A busy machine disturbs it less. */
  readonly redisCpuMsPerJob: number;
  /** POST of a job that overtakes the backlog (priority 1) until its first text, while all slots are busy with it. */
  readonly overtakingFirstTokenMs: Spread;
}

export interface DrainQuestion {
  readonly system: BenchSystem;
  readonly probe: RedisProbe;
  readonly samples: number;
  readonly signal: AbortSignal;
}

/** A process compiles its code while it runs its first jobs. */
const WARM_UP_JOBS = 1_000;
const TIMED_JOBS = 5_000;
/** Jobs that wait at the least, whatever the backlog: the worker must not run dry while it is measured. */
export const DRAINED_JOBS = 12_000;
const POLL_MS = 10;

/** Lets the instant worker loose on the backlog, and takes it away again. */
export async function measureDrain(question: DrainQuestion): Promise<DrainFigures> {
  const { system } = question;
  await system.startInstantWorker();
  const costs = await timeJobs(question);
  const overtakingFirstTokenMs = spreadOf(await overtake(question));
  await system.stopInstantWorker();
  return { ...costs, overtakingFirstTokenMs };
}

async function timeJobs(question: DrainQuestion) {
  const { probe } = question;
  const from = await untilSucceeded(WARM_UP_JOBS, question);
  const fromCpuMs = await probe.cpuMs();
  const to = await untilSucceeded(from.jobs + TIMED_JOBS, question);
  const cpuMs = (await probe.cpuMs()) - fromCpuMs;
  const jobs = to.jobs - from.jobs;
  return { jobsPerS: (jobs * 1000) / (to.atMs - from.atMs), redisCpuMsPerJob: cpuMs / jobs };
}

async function untilSucceeded(wanted: number, { probe, system: { model }, signal }: DrainQuestion) {
  for (;;) {
    const jobs = await probe.succeeded({ model, variant: BACKLOG_VARIANT });
    if (jobs >= wanted) return { jobs, atMs: performance.now() };
    await sleep(POLL_MS, undefined, { signal });
  }
}

async function overtake({ system, probe, samples, signal }: DrainQuestion): Promise<number[]> {
  const { client, model } = system;
  const job = { ...backlogJob(model), priority: 1 };
  const taken: number[] = [];
  while (taken.length < samples) {
    const ended = await probe.succeeded({ model, variant: BACKLOG_VARIANT });
    if (ended > DRAINED_JOBS) break;
    const { firstTokenMs } = await followJob(client, job, signal);
    taken.push(firstTokenMs);
  }
  return taken;
}
