import { isFinalJobStatus, webhookEventTypeOf, type JobView, type WebhookEventType } from '#contracts';
import { textOf } from './job-facts.js';
import type { Finding } from './judge-job.js';

const DESTINATIONS = ['job', 'endpoint'] as const;
export type WebhookDestination = (typeof DESTINATIONS)[number];

/** A delivery that was answered with 2xx. */
export interface WebhookArrival {
  readonly destination: WebhookDestination;
  readonly webhookId: string;
  readonly type: string;
  readonly job: JobView;
  /** Why its signature does not hold; null where it does. */
  readonly forged: string | null;
}

/** A job as it stood at the end, with the events that each place asked for. */
export interface AnnouncedJob {
  readonly job: JobView;
  readonly asked: Readonly<Record<WebhookDestination, readonly WebhookEventType[]>>;
}

/**
 * - `webhook-missing`: an event of a job's start or end that never arrived where it was asked for.
 * - `webhook-unknown`: an arrival that no job accounts for: of a job nobody has, of another end than its own, to where
 *   nobody asked for it, without a valid signature, or under a second `webhook-id`.
 */
export type WebhookFindingKind = 'webhook-missing' | 'webhook-unknown';

export interface WebhookVerdict {
  readonly findings: readonly Finding<WebhookFindingKind>[];
  /** Arrivals of an event after its first at the same place, which is what at least once means. */
  readonly duplicates: number;
}

export function judgeWebhooks(
  jobs: ReadonlyMap<string, AnnouncedJob>,
  arrivals: readonly WebhookArrival[],
): WebhookVerdict {
  const findings: Finding<WebhookFindingKind>[] = [];
  const arrived = new Set<string>();
  let duplicates = 0;
  const webhookIds = new Map<string, string>();
  for (const arrival of arrivals) {
    const { destination, type, job, webhookId } = arrival;
    const event = `${type} of ${job.id}`;
    const place = `${event} at the ${destination}`;
    const why = unaccounted(arrival, jobs.get(job.id), webhookIds.get(event) ?? webhookId);
    if (why !== null) findings.push({ kind: 'webhook-unknown', jobId: job.id, why: `${place}: ${why}` });
    if (arrived.has(place)) duplicates += 1;
    arrived.add(place);
    webhookIds.set(event, webhookId);
  }
  for (const { job, asked } of jobs.values()) {
    for (const destination of DESTINATIONS) {
      for (const type of eventsOf(job).filter((event) => asked[destination].includes(event))) {
        const place = `${type} of ${job.id} at the ${destination}`;
        if (!arrived.has(place)) {
          findings.push({ kind: 'webhook-missing', jobId: job.id, why: `${place}: never arrived` });
        }
      }
    }
  }
  return { findings, duplicates };
}

function unaccounted(
  { destination, webhookId, type, job, forged }: WebhookArrival,
  announced: AnnouncedJob | undefined,
  firstWebhookId: string,
): string | null {
  if (forged !== null) return `its signature does not hold (${forged})`;
  if (webhookId !== firstWebhookId) return `arrived as ${firstWebhookId} and as ${webhookId}`;
  if (announced === undefined) return 'nobody has this job';
  const final = announced.job;
  const happened = eventsOf(final).find((event) => event === type);
  if (happened === undefined) return `the job is ${final.status}`;
  if (!announced.asked[destination].includes(happened)) return 'nobody asked for it there';
  if (happened === 'job.started') return job.status === 'running' ? null : `it says ${job.status}`;
  if (job.status !== final.status) return `it says ${job.status}`;
  const whole = !('output_url' in job);
  return whole && textOf(job) !== textOf(final) ? 'its text is not that of the job' : null;
}

function eventsOf({ status, started_at }: JobView): WebhookEventType[] {
  return [
    ...(started_at === null ? [] : (['job.started'] as const)),
    ...(isFinalJobStatus(status) ? [webhookEventTypeOf(status)] : []),
  ];
}
