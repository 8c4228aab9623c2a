import { FINAL_EVENT_TYPES, webhookEventTypeOf, isFinalJobStatus, type JobView } from '#contracts';
import { textOf } from './job-facts.js';
import type { Finding } from './judge-job.js';

export type WebhookDestination = 'job' | 'endpoint';

/** A delivery that was answered with 2xx. */
export interface WebhookArrival {
  readonly destination: WebhookDestination;
  readonly webhookId: string;
  readonly type: string;
  readonly job: JobView;
  /** Why its signature does not hold; null where it does. */
  readonly forged: string | null;
}

/** A job as it stood at the end, with where its events had to go. */
export interface AnnouncedJob {
  readonly job: JobView;
  readonly destinations: readonly WebhookDestination[];
}

/**
 * - `webhook-missing`: the final event of an ended job that never arrived where it was asked for.
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
  const arrived = new Map<string, string>();
  let duplicates = 0;
  const webhookIds = new Map<string, string>();
  for (const arrival of arrivals) {
    const { destination, type, job, webhookId } = arrival;
    const event = `${type} of ${job.id}`;
    const place = `${event} at the ${destination}`;
    const why = unaccounted(arrival, jobs.get(job.id), webhookIds.get(event) ?? webhookId);
    if (why !== null) findings.push({ kind: 'webhook-unknown', jobId: job.id, why: `${place}: ${why}` });
    if (arrived.has(place)) duplicates += 1;
    arrived.set(place, webhookId);
    webhookIds.set(event, webhookId);
  }
  for (const { job, destinations } of jobs.values()) {
    if (!isFinalJobStatus(job.status)) continue;
    for (const destination of destinations) {
      const place = `${webhookEventTypeOf(job.status)} of ${job.id} at the ${destination}`;
      if (!arrived.has(place)) {
        findings.push({ kind: 'webhook-missing', jobId: job.id, why: `${place}: never arrived` });
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
  if (!announced.destinations.includes(destination)) return 'nobody asked for it there';
  const final = announced.job;
  if (!FINAL_EVENT_TYPES.some((known) => known === type)) return 'nobody asked for such events';
  if (type !== `job.${final.status}` || job.status !== final.status) {
    return `it says ${job.status}, the job is ${final.status}`;
  }
  const whole = !('output_url' in job);
  return whole && textOf(job) !== textOf(final) ? 'its text is not that of the job' : null;
}
