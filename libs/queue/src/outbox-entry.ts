import type { WebhookEventType } from '#contracts';
import { storedValue } from './stored-value.js';

/** An event of a job that is due to be told. `generation` counts the job's retries: each run has its own events. */
export interface OutboxEntry {
  readonly jobId: string;
  readonly event: WebhookEventType;
  readonly generation: number;
}

/** Text form in the outbox list, as the job scripts write it. */
export function encodeOutboxEntry({ jobId, event, generation }: OutboxEntry): string {
  return `${jobId} ${event} ${generation}`;
}

export function parseOutboxEntry(text: string): OutboxEntry {
  const [jobId = '', event = '', generation = '0'] = text.split(' ');
  return { jobId, event: storedValue<WebhookEventType>(event), generation: Number(generation) };
}
