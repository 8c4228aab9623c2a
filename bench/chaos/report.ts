import { FINAL_EVENT_TYPES, WEBHOOK_EVENT_TYPES } from '#contracts';
import { spreadOf, type Spread } from '../support/spread.js';
import type { ServiceAudit } from './audit-service.js';
import type { FaultSpan } from './fault-injector.js';
import type { JobFacts, Reference } from './job-facts.js';
import { judgeJob, type Finding, type JobFindingKind } from './judge-job.js';
import { judgeSubmissions } from './judge-submissions.js';
import {
  judgeWebhooks,
  type AnnouncedJob,
  type WebhookArrival,
  type WebhookFindingKind,
} from './judge-webhooks.js';

/** All that a run has seen. */
export interface RunFacts extends ServiceAudit {
  readonly jobs: readonly JobFacts[];
  /** By the number of the request; null where its text differs each time. */
  readonly references: readonly (Reference | null)[];
  readonly arrivals: readonly WebhookArrival[];
  readonly deliveriesRefused: number;
  readonly faults: readonly FaultSpan[];
  readonly recoveriesMs: readonly number[];
  readonly cancelsMs: readonly number[];
  readonly lateWrites: number;
  readonly clientErrors: ReadonlyMap<string, number>;
  readonly tookMs: number;
}

/** The first six must be 0 for each acknowledged job; see judge-job.ts and judge-webhooks.ts for what they mean. */
export interface ChaosReport {
  readonly acknowledged: number;
  readonly lost: number;
  readonly doubled: number;
  readonly stuck: number;
  readonly differing: number;
  readonly webhooksMissing: number;
  readonly webhooksUnknown: number;
  /** From a worker's fault to the start of the next attempt of each job it held, over the faults that hit it meanwhile. */
  readonly recoveryMs: Spread;
  /** From a DELETE to the sight of the cancelled job, with nothing broken. */
  readonly cancelMs: Spread;
  readonly faults: Readonly<Record<string, number>>;
  readonly recoveries: number;
  readonly cancels: number;
  /** Jobs that succeeded in a later attempt than their first. */
  readonly resumedJobs: number;
  readonly resumedStreams: number;
  readonly lateWritesRefused: number;
  readonly webhooks: {
    readonly arrived: number;
    readonly duplicates: number;
    readonly refusedByReceiver: number;
  };
  readonly clientErrors: Readonly<Record<string, number>>;
  readonly tookS: number;
}

export type ChaosFinding = Finding<JobFindingKind | WebhookFindingKind>;

export function reportOf(facts: RunFacts): { report: ChaosReport; findings: ChaosFinding[] } {
  const webhooks = judgeWebhooks(announcedJobs(facts), facts.arrivals);
  const findings = [
    ...facts.jobs.flatMap((job) => judgeAudited(job, facts)),
    ...judgeSubmissions(facts.jobs, facts.listed, facts.endsCounted),
    ...webhooks.findings,
  ];
  const jobsWith = (kind: ChaosFinding['kind']) =>
    new Set(findings.filter((finding) => finding.kind === kind).map(({ jobId }) => jobId)).size;
  const report = {
    acknowledged: facts.jobs.length,
    lost: jobsWith('lost'),
    doubled: jobsWith('doubled'),
    stuck: jobsWith('stuck'),
    differing: jobsWith('differing'),
    webhooksMissing: jobsWith('webhook-missing'),
    webhooksUnknown: jobsWith('webhook-unknown'),
    recoveryMs: spreadOf(facts.recoveriesMs),
    cancelMs: spreadOf(facts.cancelsMs.map(Math.round)),
    faults: countBy(facts.faults, ({ fault }) => fault.kind),
    recoveries: facts.recoveriesMs.length,
    cancels: facts.cancelsMs.length,
    resumedJobs: [...facts.audited.values()].filter(
      ({ job }) => job?.status === 'succeeded' && job.attempt > 1,
    ).length,
    resumedStreams: facts.jobs.filter(({ stream }) => (stream?.resumed ?? 0) > 0).length,
    lateWritesRefused: facts.lateWrites,
    webhooks: {
      arrived: facts.arrivals.length,
      duplicates: webhooks.duplicates,
      refusedByReceiver: facts.deliveriesRefused,
    },
    clientErrors: Object.fromEntries([...facts.clientErrors].toSorted(([a], [b]) => a.localeCompare(b))),
    tookS: Math.round(facts.tookMs / 1_000),
  };
  return { report, findings };
}

/** Every job as it stood at the end, with where its events had to go: all of them to the standing endpoint. */
export function announcedJobs({
  jobs,
  audited,
}: Pick<RunFacts, 'jobs' | 'audited'>): ReadonlyMap<string, AnnouncedJob> {
  const announced = new Map<string, AnnouncedJob>();
  for (const { id, plan } of jobs) {
    const job = audited.get(id)?.job;
    if (job == null) continue;
    const asked = { job: plan.webhook ? FINAL_EVENT_TYPES : [], endpoint: WEBHOOK_EVENT_TYPES };
    announced.set(id, { job, asked });
  }
  return announced;
}

function judgeAudited(job: JobFacts, { audited, references }: RunFacts): ChaosFinding[] {
  const audit = audited.get(job.id);
  const reference = references[job.plan.request];
  if (audit === undefined || reference === undefined)
    throw new Error(`${job.id} was not audited. This is a bug.`);
  return judgeJob(job, audit, reference);
}

function countBy<T>(items: readonly T[], key: (item: T) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const item of items) counts[key(item)] = (counts[key(item)] ?? 0) + 1;
  return counts;
}
