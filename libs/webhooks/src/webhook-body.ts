import { toJobView, type JobRecord, type WebhookBody, type WebhookEventType } from '#contracts';

/** Standard Webhooks asks for bodies under 20 kB; what is cut stays fetchable at `output_url`. */
export const MAX_BODY_BYTES = 20_000;

/**
 * An event of a job, as the JSON text that is signed and sent. Where it would be larger than `MAX_BODY_BYTES`, the
 * generated text is cut to what fits and `output_url` says where all of it is. (Metadata is never cut: it is the
 * caller's own, and bounded when the job is submitted.)
 */
export function webhookBodyOf(record: JobRecord, event: WebhookEventType): string {
  const job = event === 'job.started' ? asStarted(record) : record;
  const whole = JSON.stringify(bodyOf(job, event));
  if (job.text === null || Buffer.byteLength(whole) <= MAX_BODY_BYTES) return whole;
  const around = Buffer.byteLength(JSON.stringify(cutBodyOf(job, event, '')));
  return JSON.stringify(cutBodyOf(job, event, longestPrefix(job.text, MAX_BODY_BYTES - around)));
}

/** The job when it started, though it may have ended by the time that is told. */
function asStarted(job: JobRecord): JobRecord {
  return {
    ...job,
    status: 'running',
    finishedAtMs: null,
    text: null,
    finishReason: null,
    usage: null,
    timings: null,
    failure: null,
  };
}

function bodyOf(job: JobRecord, event: WebhookEventType): WebhookBody {
  const atMs = event === 'job.started' ? job.startedAtMs : job.finishedAtMs;
  return { type: event, timestamp: new Date(atMs ?? job.createdAtMs).toISOString(), data: toJobView(job) };
}

function cutBodyOf(job: JobRecord, event: WebhookEventType, text: string): WebhookBody {
  const body = bodyOf({ ...job, text }, event);
  return { ...body, data: { ...body.data, output_url: body.data.urls.self } };
}

/** Longest prefix of whole characters whose JSON form, without its quotes, takes at most `maxBytes`. */
function longestPrefix(text: string, maxBytes: number): string {
  let bytes = 0;
  let end = 0;
  for (const character of text) {
    bytes += Buffer.byteLength(JSON.stringify(character)) - 2;
    if (bytes > maxBytes) break;
    end += character.length;
  }
  return text.slice(0, end);
}
