import { isFinalJobStatus, webhookEventTypeOf, type JobRecord, type WebhookEventType } from '#contracts';
import { webhookBodyOf, type FinishedJob } from './webhook-body.js';

/**
 * One event for one URL, complete: it outlives the job's record, whose time to live may be shorter than the
 * three days of attempts.
 */
export interface WebhookDelivery {
  /** `webhook-id` of every attempt, and the id of the BullMQ job that makes them. */
  readonly webhookId: string;
  readonly jobId: string;
  readonly event: WebhookEventType;
  readonly url: string;
  /** Null where the job brought none: the service's own is used. */
  readonly secret: string | null;
  readonly body: string;
}

/** The delivery that a job's end calls for; null where it is not over or its webhook did not ask for this event. */
export function webhookDeliveryOf(job: JobRecord): WebhookDelivery | null {
  if (job.webhook === null || !isFinished(job)) return null;
  const event = webhookEventTypeOf(job.status);
  if (job.webhook.events !== undefined && !job.webhook.events.includes(event)) return null;
  return {
    webhookId: webhookIdOf(job.id, event),
    jobId: job.id,
    event,
    url: job.webhook.url,
    secret: job.webhook.secret ?? null,
    body: webhookBodyOf(job),
  };
}

/** Without the dot of `job.succeeded`: the signed text is `id.timestamp.body`, so an id holds none. */
function webhookIdOf(jobId: string, event: WebhookEventType): string {
  return `wh-${jobId}-${event.slice('job.'.length)}`;
}

function isFinished(job: JobRecord): job is FinishedJob {
  return isFinalJobStatus(job.status);
}
