import {
  toJobView,
  webhookEventTypeOf,
  type FinalJobStatus,
  type JobRecord,
  type WebhookBody,
} from '#contracts';

/** Standard Webhooks asks for bodies under 20 kB; what is cut stays fetchable at `output_url`. */
export const MAX_BODY_BYTES = 20_000;

export type FinishedJob = JobRecord & { readonly status: FinalJobStatus };

/**
 * The event that tells a job's end, as the JSON text that is signed and sent. Where it would be larger than
 * `MAX_BODY_BYTES`, the generated text is cut to what fits and `output_url` says where all of it is. (Metadata is
 * never cut: it is the caller's own, and bounded when the job is submitted.)
 */
export function webhookBodyOf(job: FinishedJob): string {
  const whole = JSON.stringify(bodyOf(job));
  if (job.text === null || Buffer.byteLength(whole) <= MAX_BODY_BYTES) return whole;
  const around = Buffer.byteLength(JSON.stringify(cutBodyOf(job, '')));
  return JSON.stringify(cutBodyOf(job, longestPrefix(job.text, MAX_BODY_BYTES - around)));
}

function bodyOf(job: FinishedJob): WebhookBody {
  return {
    type: webhookEventTypeOf(job.status),
    timestamp: new Date(job.finishedAtMs ?? job.createdAtMs).toISOString(),
    data: toJobView(job),
  };
}

function cutBodyOf(job: FinishedJob, text: string): WebhookBody {
  const body = bodyOf({ ...job, text });
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
