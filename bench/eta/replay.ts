import { setTimeout as sleep } from 'node:timers/promises';
import { isFinalJobStatus, type EtaSeconds, type JobView } from '#contracts';
import { median, roundTo } from '../support/median.js';
import type { Prediction } from './calibration.js';
import { VARIANT, type EtaSystem } from './eta-system.js';
import type { Trace } from './trace.js';

const POLL_MS = 500;
const LONGEST_WAIT_S = 60;

export interface Replay {
  readonly jobs: number;
  readonly succeeded: number;
  readonly medianWaitS: number;
  readonly predictions: readonly Prediction[];
  /** Times that a waiting job was shown without an estimate, because nothing was measured yet. */
  readonly untold: number;
}

interface Told {
  readonly jobId: string;
  readonly atMs: number;
  readonly eta: EtaSeconds | null;
}

/** Submits the jobs of a trace at their times, asks meanwhile what the waiting ones are told, and sees what came. */
export async function replay(
  system: EtaSystem,
  { arrivals }: Trace,
  speed: number,
  signal: AbortSignal,
): Promise<Replay> {
  const replayed = new AbortController();
  const asking = askRegularly(system.baseUrl, AbortSignal.any([signal, replayed.signal]));
  try {
    const startedAtMs = Date.now();
    const ids: string[] = [];
    for (const { atMs, priority, input } of arrivals) {
      await sleep(Math.max(0, startedAtMs + atMs / speed - Date.now()), undefined, { signal });
      const job = await system.client.submit(
        { model: system.model, variant: VARIANT, priority, input },
        signal,
      );
      ids.push(job.id);
    }
    const jobs = await Promise.all(ids.map((id) => untilEnded(system, id, signal)));
    replayed.abort();
    return reportOf(jobs, await asking);
  } finally {
    replayed.abort();
    await asking;
  }
}

/** Asks until the signal aborts. */
async function askRegularly(baseUrl: string, signal: AbortSignal): Promise<readonly Told[]> {
  const told: Told[] = [];
  while (!signal.aborted) {
    // Whoever is shown as waiting starts after this moment.
    const atMs = Date.now();
    for (const { id, queue } of await waitingJobs(baseUrl)) {
      if (queue !== undefined) told.push({ jobId: id, atMs, eta: queue.eta_s });
    }
    await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
  return told;
}

async function waitingJobs(baseUrl: string): Promise<readonly JobView[]> {
  const jobs: JobView[] = [];
  for (let after = ''; ;) {
    const answer = await fetch(`${baseUrl}/v1/jobs?status=queued&limit=100${after}`);
    const page: { data: JobView[]; last_id: string | null; has_more: boolean } = JSON.parse(
      await answer.text(),
    );
    jobs.push(...page.data);
    if (!page.has_more) return jobs;
    after = `&after=${page.last_id}`;
  }
}

async function untilEnded({ client }: EtaSystem, id: string, signal: AbortSignal): Promise<JobView> {
  for (;;) {
    const job = await client.job(id, LONGEST_WAIT_S, signal);
    if (isFinalJobStatus(job.status)) return job;
  }
}

function reportOf(jobs: readonly JobView[], told: readonly Told[]): Replay {
  const jobOf = new Map(jobs.map((job) => [job.id, job]));
  return {
    jobs: jobs.length,
    succeeded: jobs.filter(({ status }) => status === 'succeeded').length,
    medianWaitS: roundTo(3, median(jobs.map((job) => (job.timings?.queue_ms ?? Number.NaN) / 1000))),
    predictions: told.flatMap(({ jobId, atMs, eta }) => {
      const { priority, started_at: startedAt } = jobOf.get(jobId) ?? {};
      if (eta === null || priority === undefined || startedAt == null) return [];
      return [{ eta, actualS: (Date.parse(startedAt) - atMs) / 1000, priority }];
    }),
    untold: told.filter(({ eta }) => eta === null).length,
  };
}
