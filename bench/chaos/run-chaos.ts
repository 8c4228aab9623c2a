import { setTimeout as sleep } from 'node:timers/promises';
import { WEBHOOK_EVENT_TYPES } from '#contracts';
import { auditService } from './audit-service.js';
import { breakUnderLoad, type ChaosRun } from './break-under-load.js';
import { ChaosClient } from './chaos-client.js';
import { ChaosLoad } from './chaos-load.js';
import { FaultInjector } from './fault-injector.js';
import { judgeWebhooks, type AnnouncedJob } from './judge-webhooks.js';
import { describeFault } from './plan-faults.js';
import { planRequests } from './plan-jobs.js';
import { measureCancels, measureReferences } from './quiet-phases.js';
import { announcedJobs, type RunFacts } from './report.js';
import { receiveWebhooks, type WebhookReceiver } from './webhook-receiver.js';

/** Longest time for everything that is asked before the first fault. */
const UNDISTURBED_MS = 180_000;
/** A delivery that was refused comes again after 5 s, one whose sender was killed after 45 s. */
const WEBHOOKS_SETTLE_MS = 90_000;
const LOOK_AGAIN_MS = 500;
const CANCELS = 60;
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

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
