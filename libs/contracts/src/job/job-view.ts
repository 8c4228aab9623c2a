import type { FinishReason, JobFailureCode, JobRecord } from './job-record.js';
import type { JobStatus } from './job-status.js';

/** The job as clients see it (`GET /v1/jobs/<id>`). */
export interface JobView {
  readonly id: string;
  readonly object: 'job';
  readonly status: JobStatus;
  readonly model: string;
  readonly variant: string;
  readonly created_at: string;
  readonly started_at: string | null;
  readonly finished_at: string | null;
  readonly attempt: number;
  readonly priority: number;
  readonly queue?: { readonly position: number };
  readonly output: { readonly choices: readonly JobChoice[] } | null;
  readonly usage: {
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
    readonly total_tokens: number;
    readonly prompt_tokens_details: { readonly cached_tokens: number };
  } | null;
  readonly timings: {
    readonly queue_ms: number;
    readonly time_to_first_token_ms: number | null;
    readonly prefill_ms: number;
    readonly decode_ms: number;
    readonly total_ms: number;
    /** Decoded tokens per second of decoding; null where fewer than two tokens were generated. */
    readonly tokens_per_second: number | null;
  } | null;
  readonly error: { readonly code: JobFailureCode; readonly message: string } | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly urls: { readonly self: string; readonly events: string; readonly cancel: string };
}

export type JobChoice = {
  readonly index: number;
  readonly finish_reason: FinishReason | null;
  readonly logprobs: null;
} & (
  { readonly message: { readonly role: 'assistant'; readonly content: string } } | { readonly text: string }
);

export const JOBS_PATH = '/v1/jobs';

/** Wire form of a record. `position` (1 = next) is given only while the job is queued. */
export function toJobView(job: JobRecord, position?: number): JobView {
  const self = `${JOBS_PATH}/${job.id}`;
  return {
    id: job.id,
    object: 'job',
    status: job.status,
    model: job.model,
    variant: job.variant,
    created_at: isoTime(job.createdAtMs),
    started_at: job.startedAtMs === null ? null : isoTime(job.startedAtMs),
    finished_at: job.finishedAtMs === null ? null : isoTime(job.finishedAtMs),
    attempt: job.attempt,
    priority: job.priority,
    ...(job.status === 'queued' && position !== undefined ? { queue: { position } } : {}),
    output: job.text === null ? null : { choices: [toChoice(job, job.text)] },
    usage: job.usage && {
      prompt_tokens: job.usage.promptTokens,
      completion_tokens: job.usage.completionTokens,
      total_tokens: job.usage.promptTokens + job.usage.completionTokens,
      prompt_tokens_details: { cached_tokens: job.usage.cachedTokens },
    },
    timings: toTimings(job),
    error: job.failure,
    metadata: job.metadata,
    urls: { self, events: `${self}/events`, cancel: self },
  };
}

function toChoice(job: JobRecord, text: string): JobChoice {
  const common = { index: 0, finish_reason: job.finishReason, logprobs: null } as const;
  return job.input.messages === undefined
    ? { ...common, text }
    : { ...common, message: { role: 'assistant', content: text } };
}

function toTimings(job: JobRecord): JobView['timings'] {
  const { timings, usage, startedAtMs, finishedAtMs } = job;
  if (timings === null || startedAtMs === null || finishedAtMs === null) return null;
  const decoded = (usage?.completionTokens ?? 0) - 1;
  return {
    queue_ms: startedAtMs - job.createdAtMs,
    time_to_first_token_ms: timings.timeToFirstTokenMs,
    prefill_ms: timings.prefillMs,
    decode_ms: timings.decodeMs,
    total_ms: finishedAtMs - job.createdAtMs,
    tokens_per_second:
      decoded > 0 && timings.decodeMs > 0 ? round1((decoded * 1000) / timings.decodeMs) : null,
  };
}

function isoTime(unixMs: number): string {
  return new Date(unixMs).toISOString();
}

function round1(value: number): number {
  return Math.round(value * 10) / 10;
}
