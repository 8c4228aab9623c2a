import type { FinalJobStatus } from '../job/job-status.js';
import type { JobView } from '../job/job-view.js';
import type { WebhookEventType } from '../job/submit-job.schema.js';

/** Body of a delivery (Standard Webhooks' `{type, timestamp, data}`). */
export interface WebhookBody {
  readonly type: WebhookEventType;
  readonly timestamp: string;
  readonly data: JobView & { readonly output_url?: string };
}

/** The event that tells a job's end. */
export function webhookEventTypeOf(status: FinalJobStatus): WebhookEventType {
  return `job.${status}`;
}
