import { setTimeout as sleep } from 'node:timers/promises';
import { WEBHOOK_EVENT_TYPES } from '#contracts';
import { auditService } from './audit-service.js';
import { ChaosClient } from './chaos-client.js';
import { ChaosLoad } from './chaos-load.js';
import type { ChaosSystem } from './chaos-system.js';
import { ClientLanes } from './client-lanes.js';
import { FaultInjector } from './fault-injector.js';
import { judgeWebhooks, type AnnouncedJob } from './judge-webhooks.js';
import { describeFault, planFaults } from './plan-faults.js';
import { planRequests } from './plan-jobs.js';
import { measureCancels, measureReferences } from './quiet-phases.js';
import type { RecoveryWatch } from './recovery-watch.js';
import { announcedJobs, type RunFacts } from './report.js';
import { receiveWebhooks, type WebhookReceiver } from './webhook-receiver.js';

/** Longest time for everything that is asked before the first fault. */
const UNDISTURBED_MS = 180_000;
/** With everything well again a job needs a lost worker's lock and its own time, far less than this. */
const SETTLE_MS = 60_000;
/** A delivery that was refused comes again after 5 s, one whose sender was killed after 45 s. */
const WEBHOOKS_SETTLE_MS = 90_000;
const LOOK_AGAIN_MS = 500;
const PROGRESS_MS = 10_000;
const CANCELS = 60;
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

export interface ChaosRun {
  readonly system: ChaosSystem;
  readonly recoveries: RecoveryWatch;
  readonly seed: number;
  readonly kills: number;
  readonly say: (line: string) => void;
  /** Ends the run at once; it rejects then. */
  readonly signal: AbortSignal;
}

export async function runChaos(run: ChaosRun): Promise<RunFacts> {
  const webhooks = await receiveWebhooks();
  try {
    return await runPhases(run, webhooks);
  } finally {
    await webhooks.close();
  }
}

async function runPhases(run: ChaosRun, webhooks: WebhookReceiver): Promise<RunFacts> {
  const { system, recoveries, seed, say, signal } = run;
  const startedAtMs = performance.now();
  const over = new AbortController();
  const client = new ChaosClient(system.apiUrl, AbortSignal.any([signal, over.signal]));
  webhooks.expectSecret('job', SECRET);
  webhooks.expectSecret('endpoint', await openStandingEndpoint(client, webhooks.urlOf('endpoint')));
  const load = new ChaosLoad(client, planRequests(seed), { url: webhooks.urlOf('job'), secret: SECRET });

  const undisturbed = setTimeout(() => over.abort(), UNDISTURBED_MS);
  say(`what ${load.requests.length} requests give undisturbed`);
  const references = await measureReferences(load);
  say('cancelling while nothing is broken');
  const cancelsMs = await measureCancels(load, seed, CANCELS);
  clearTimeout(undisturbed);
  const faults = new FaultInjector(system, (fault, atMs) => {
    say(describeFault(fault));
    if ('worker' in fault) recoveries.workerFailed(system.worker(fault.worker).name, atMs);
  });
  await breakUnderLoad(run, load, faults, over);

  say(`all well again; looking at ${load.jobs.length} jobs once more`);
  const jobs = load.jobs.map(({ facts }) => facts);
  const audit = await auditService(
    system.apiUrl,
    jobs.map(({ id }) => id),
    signal,
  );
  await untilAllArrived(webhooks, announcedJobs({ jobs, ...audit }), signal);
  await Promise.all(system.workers.map((worker) => worker.countLateWrites()));
  return {
    jobs,
    references,
    ...audit,
    arrivals: webhooks.arrivals,
    deliveriesRefused: webhooks.refused,
    faults: faults.spans,
    recoveriesMs: recoveries.recoveriesMs,
    cancelsMs,
    lateWrites: system.workers.reduce((sum, worker) => sum + worker.lateWrites, 0),
    clientErrors: client.errors,
    tookMs: performance.now() - startedAtMs,
  };
}

/** @returns what the endpoint's deliveries are signed with */
async function openStandingEndpoint(client: ChaosClient, url: string): Promise<string> {
  const body = { url, events: WEBHOOK_EVENT_TYPES };
  const { secret } = await client.post<{ secret: string }>('/v1/webhook_endpoints', body);
  return secret;
}

/** Resolves when all faults have come and gone and every job has ended, or should have long ago. */
async function breakUnderLoad(
  { system, seed, kills, say, signal }: ChaosRun,
  load: ChaosLoad,
  faults: FaultInjector,
  over: AbortController,
): Promise<void> {
  const lanes = new ClientLanes(load, seed);
  const stop = new AbortController();
  let settling: NodeJS.Timeout | undefined;
  const clients = async () => {
    try {
      await lanes.run();
      await Promise.all(load.jobs.filter(({ seesEnd }) => !seesEnd).map((job) => job.untilEnded()));
    } catch (error) {
      if (over.signal.aborted) return;
      stop.abort(error);
      throw error;
    }
  };
  const breakAll = async () => {
    try {
      await faults.inflict(planFaults(seed, kills), AbortSignal.any([signal, stop.signal]));
    } finally {
      lanes.stop();
    }
    await system.untilReady();
    settling = setTimeout(() => over.abort(), SETTLE_MS);
  };
  const progress = setInterval(() => {
    const ended = load.jobs.filter(({ seesEnd }) => seesEnd).length;
    say(`${faults.spans.length}/${kills} faults, ${load.jobs.length} jobs, ${ended} seen to end`);
  }, PROGRESS_MS);
  try {
    const outcomes = await Promise.allSettled([clients(), breakAll()]);
    const failed = outcomes.find(({ status }) => status === 'rejected');
    if (failed?.status === 'rejected') throw failed.reason;
  } finally {
    clearInterval(progress);
    clearTimeout(settling);
  }
}

/** Resolves when no event is missing, or the wait would be too long. */
async function untilAllArrived(
  { arrivals }: WebhookReceiver,
  announced: ReadonlyMap<string, AnnouncedJob>,
  signal: AbortSignal,
): Promise<void> {
  const giveUpAtMs = performance.now() + WEBHOOKS_SETTLE_MS;
  while (performance.now() < giveUpAtMs) {
    const { findings } = judgeWebhooks(announced, arrivals);
    if (!findings.some(({ kind }) => kind === 'webhook-missing')) return;
    await sleep(LOOK_AGAIN_MS, undefined, { signal });
  }
}
