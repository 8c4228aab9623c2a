import type { EngineFault } from './engine-fault.js';
import type { JobStatus } from './job-status.js';
import type { JobInput } from './job-input.schema.js';
import type { WebhookTarget } from './submit-job.schema.js';
import type { PromptTokenLogprobs } from './token-logprobs.js';
import type { ToolCall } from './tools.schema.js';

/** Why a text ended. */
export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'cancelled' | 'deadline' | 'error';

/** One text of a job, complete or partial. */
export interface ChoiceRecord {
  /** What the model said, its calls of tools left out. */
  readonly text: string;
  readonly finishReason: FinishReason;
  /**
   * Of each generated token but the one that ended the text, with `echo` of those of the prompt before them; null where
   * they were not asked for.
   */
  readonly logprobs: readonly PromptTokenLogprobs[] | null;
  /** Null where there are none. */
  readonly toolCalls: readonly ToolCall[] | null;
}

/** How a text ends by itself. */
export type TextEnd = Extract<FinishReason, 'stop' | 'length'>;

export interface JobUsage {
  /** Counted once, however many texts follow it. */
  readonly promptTokens: number;
  /** Of all texts together, those included that `best_of` left out. */
  readonly completionTokens: number;
  /** Prompt tokens that came from the prefix cache. */
  readonly cachedTokens: number;
}

/** Milliseconds measured by the worker for the attempt that ended the job; of several texts the longest. */
export interface JobTimings {
  readonly timeToFirstTokenMs: number | null;
  readonly prefillMs: number;
  readonly decodeMs: number;
  /** Tokens that the attempt took over from the attempts before it; the times are of the others. */
  readonly resumedTokens: number;
}

/** Whose fault a failure is. The caller's is never tried again by itself; the service's is, a few times. */
export const JOB_FAILURE_FAULT = {
  invalid_input: 'caller',
  context_length_exceeded: 'caller',
  engine_error: 'service',
  internal_error: 'service',
  /** The job took down its workers and is not run again unless its client asks. */
  quarantined: 'service',
} as const;

export type JobFailureCode = keyof typeof JOB_FAILURE_FAULT;

export const JOB_FAILURE_CODES = [
  'invalid_input',
  'context_length_exceeded',
  'engine_error',
  'internal_error',
  'quarantined',
] as const satisfies readonly JobFailureCode[];

export interface JobFailure {
  readonly code: JobFailureCode;
  readonly message: string;
  /** Of an `engine_error`: what failed. */
  readonly reason?: EngineFault;
}

/** A worker's death while it ran a step of this job, as its supervisor saw it. Where no one saw it, facts are null. */
export interface WorkerDeath {
  readonly workerId: string;
  readonly atMs: number;
  readonly signal: string | null;
  readonly exitCode: number | null;
  /** Resident memory shortly before. */
  readonly memoryBytes: number | null;
  /** What the worker was about to run, such as `prefill` or `decode`; null where it is not known. */
  readonly lastStep: string | null;
  /** Jobs that were in that step, this one included. */
  readonly jobsInStep: number;
}

/**
 * What Redis holds of a job, the one source of its truth. Written only by the lifecycle scripts of libs/queue.
 * Times are Unix milliseconds.
 */
export interface JobRecord {
  readonly id: string;
  /** Owner: a digest of the API key, or `public` where no keys are configured. */
  readonly tenant: string;
  readonly status: JobStatus;
  readonly model: string;
  readonly variant: string;
  readonly input: JobInput;
  readonly webhook: WebhookTarget | null;
  readonly metadata: Readonly<Record<string, string>>;
  /** 1 (first) to 9 (last). */
  readonly priority: number;
  readonly startByMs: number | null;
  readonly timeoutMs: number | null;
  /** How long the result is kept after the end; 0 = until it is fetched once. */
  readonly ttlMs: number;
  readonly promptTokens: number;
  /** Most tokens the job may generate, over all the texts it runs. */
  readonly maxTokens: number;
  /** Texts that its client gets. */
  readonly choiceCount: number;
  readonly createdAtMs: number;
  readonly startedAtMs: number | null;
  readonly finishedAtMs: number | null;
  /** Number of the attempt that holds or held the job; 0 before the first. Retries go on counting. */
  readonly attempt: number;
  /** Failures of ours so far, after which the job was tried again. */
  readonly tries: number;
  /** How often the client had the job run again after its end. */
  readonly retries: number;
  /** Deaths of workers that are blamed on this job, oldest first; emptied by a retry. */
  readonly deaths: readonly WorkerDeath[];
  readonly cancelRequestedAtMs: number | null;
  /** `choiceCount` of them; null while nothing was stored. */
  readonly choices: readonly ChoiceRecord[] | null;
  readonly usage: JobUsage | null;
  readonly timings: JobTimings | null;
  readonly failure: JobFailure | null;
}
