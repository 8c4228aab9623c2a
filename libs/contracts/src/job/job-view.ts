import type { EngineFault } from './engine-fault.js';
import type { ChoiceRecord, FinishReason, JobFailureCode, JobRecord, WorkerDeath } from './job-record.js';
import type { JobStatus } from './job-status.js';
import type { JobInput } from './job-input.schema.js';
import { toLogprobsView, type TokenLogprobsView } from './token-logprobs.js';
import type { ToolCall } from './tools.schema.js';

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
  readonly queue?: {
    readonly position: number;
    /** Seconds until it starts; null where nothing was measured yet or no worker serves the variant. */
    readonly eta_s: EtaSeconds | null;
  };
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
  readonly error: {
    readonly code: JobFailureCode;
    readonly message: string;
    /** Only of an `engine_error`: what failed. */
    readonly reason?: EngineFault;
    /** Only of a quarantined job: the deaths of workers that are blamed on it. */
    readonly deaths?: readonly WorkerDeathView[];
  } | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly urls: { readonly self: string; readonly events: string; readonly cancel: string };
}

export type JobChoice = {
  readonly index: number;
  readonly finish_reason: FinishReason;
  readonly logprobs: { readonly content: readonly TokenLogprobsView[] } | null;
} & ({ readonly message: AssistantMessage } | { readonly text: string });

export interface AssistantMessage {
  readonly role: 'assistant';
  /** Null where the model said nothing beside its calls. */
  readonly content: string | null;
  readonly tool_calls?: readonly ToolCall[];
}

export interface EtaSeconds {
  readonly low: number;
  readonly expected: number;
  readonly high: number;
}

export interface WorkerDeathView {
  readonly worker: string;
  readonly at: string;
  readonly signal: string | null;
  readonly exit_code: number | null;
  readonly memory_bytes: number | null;
  readonly last_step: string | null;
  readonly jobs_in_step: number;
}

/** Where a queued job stands in line, 1 = next, and when it is expected to start. */
export interface PlaceInLine {
  readonly position: number;
  readonly etaS: EtaSeconds | null;
}

export const JOBS_PATH = '/v1/jobs';

/** Wire form of a record. `place` is shown only while the job is queued. */
export function toJobView(job: JobRecord, place?: PlaceInLine): JobView {
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
    ...(job.status === 'queued' && place !== undefined
      ? { queue: { position: place.position, eta_s: place.etaS } }
      : {}),
    output: job.choices && { choices: job.choices.map((choice, i) => toChoice(job, choice, i)) },
    usage: job.usage && {
      prompt_tokens: job.usage.promptTokens,
      completion_tokens: job.usage.completionTokens,
      total_tokens: job.usage.promptTokens + job.usage.completionTokens,
      prompt_tokens_details: { cached_tokens: job.usage.cachedTokens },
    },
    timings: toTimings(job),
    error: toError(job),
    metadata: job.metadata,
    urls: { self, events: `${self}/events`, cancel: self },
  };
}

function toError({ failure, deaths }: JobRecord): JobView['error'] {
  if (failure?.code !== 'quarantined') return failure;
  return { ...failure, deaths: deaths.map(toDeathView) };
}

function toDeathView(death: WorkerDeath): WorkerDeathView {
  return {
    worker: death.workerId,
    at: isoTime(death.atMs),
    signal: death.signal,
    exit_code: death.exitCode,
    memory_bytes: death.memoryBytes,
    last_step: death.lastStep,
    jobs_in_step: death.jobsInStep,
  };
}

function toChoice({ input }: JobRecord, choice: ChoiceRecord, index: number): JobChoice {
  const { text, finishReason, logprobs } = choice;
  const common = {
    index,
    finish_reason: finishReason,
    logprobs: logprobs && { content: logprobs.map(toLogprobsView) },
  };
  return input.prompt === undefined
    ? { ...common, message: toMessage(choice) }
    : { ...common, text: visibleTextOf(input, text) };
}

/** What a client sees of a generated text: with `echo` the prompt comes first. */
export function visibleTextOf({ echo, prompt = '' }: JobInput, text: string): string {
  return echo === true ? prompt + text : text;
}

function toMessage({ text, toolCalls }: ChoiceRecord): AssistantMessage {
  if (toolCalls === null) return { role: 'assistant', content: text };
  return { role: 'assistant', content: text === '' ? null : text, tool_calls: toolCalls };
}

function toTimings(job: JobRecord): JobView['timings'] {
  const { timings, usage, choices, startedAtMs, finishedAtMs } = job;
  if (timings === null || startedAtMs === null || finishedAtMs === null) return null;
  // The first token of each text comes with the prompt.
  const decoded = (usage?.completionTokens ?? 0) - timings.resumedTokens - (choices?.length ?? 1);
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
