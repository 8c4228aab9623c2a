import {
  toJobView,
  visibleTextOf,
  type ChoiceRecord,
  type JobRecord,
  type WebhookBody,
  type WebhookEventType,
} from '#contracts';

/** Standard Webhooks asks for bodies under 20 kB; what is cut stays fetchable at `output_url`. */
export const MAX_BODY_BYTES = 20_000;

/**
 * An event of a job, as the JSON text that is signed and sent. Where it would be larger than `MAX_BODY_BYTES`, log
 * probabilities and calls of tools are left out, the generated texts are cut to what fits, and `output_url` says where
 * all of it is. (Metadata is never cut: it is the caller's own, and bounded when the job is submitted.)
 */
export function webhookBodyOf(record: JobRecord, event: WebhookEventType): string {
  const job = event === 'job.started' ? asStarted(record) : record;
  const whole = JSON.stringify(bodyOf(job, event));
  if (job.choices === null || Buffer.byteLength(whole) <= MAX_BODY_BYTES) return whole;
  const bare = job.choices.map((choice) => ({ ...choice, text: '', logprobs: null, toolCalls: null }));
  let leftBytes = MAX_BODY_BYTES - Buffer.byteLength(cutBodyOf(job, event, bare));
  const cut = job.choices.map(({ text }, i) => {
    const prefix = longestPrefix(visibleTextOf(job.input, text), leftBytes);
    leftBytes -= prefix.bytes;
    return { ...bare[i]!, text: prefix.text };
  });
  return cutBodyOf(job, event, cut);
}

/** The job when it started, though it may have ended by the time that is told. */
function asStarted(job: JobRecord): JobRecord {
  return {
    ...job,
    status: 'running',
    finishedAtMs: null,
    choices: null,
    usage: null,
    timings: null,
    failure: null,
  };
}

function bodyOf(job: JobRecord, event: WebhookEventType): WebhookBody {
  const atMs = event === 'job.started' ? job.startedAtMs : job.finishedAtMs;
  return { type: event, timestamp: new Date(atMs ?? job.createdAtMs).toISOString(), data: toJobView(job) };
}

function cutBodyOf(job: JobRecord, event: WebhookEventType, choices: readonly ChoiceRecord[]): string {
  const body = bodyOf({ ...job, input: { ...job.input, echo: false }, choices }, event);
  return JSON.stringify({ ...body, data: { ...body.data, output_url: body.data.urls.self } });
}

/** Longest prefix of whole characters whose JSON form, without its quotes, takes at most `maxBytes`. */
function longestPrefix(text: string, maxBytes: number): { text: string; bytes: number } {
  let bytes = 0;
  let end = 0;
  for (const character of text) {
    const more = Buffer.byteLength(JSON.stringify(character)) - 2;
    if (bytes + more > maxBytes) break;
    bytes += more;
    end += character.length;
  }
  return { text: text.slice(0, end), bytes };
}
