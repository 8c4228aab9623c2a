import type { JobInput, WebhookTarget } from './submit-job.schema.js';
import type { JobStatus } from './job-status.js';

/** Why a text ended. */
export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'cancelled' | 'deadline' | 'error';

export interface JobUsage {
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly cachedTokens: number;
}

/** Milliseconds measured by the worker for the attempt that ended the job. */
export interface JobTimings {
  readonly timeToFirstTokenMs: number | null;
  readonly prefillMs: number;
  readonly decodeMs: number;
}

export type JobFailureCode =
  'worker_lost' | 'engine_error' | 'invalid_input' | 'context_length_exceeded' | 'internal_error';

export interface JobFailure {
  readonly code: JobFailureCode;
  readonly message: string;
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
  readonly ttlMs: number;
  readonly promptTokens: number;
  readonly createdAtMs: number;
  readonly startedAtMs: number | null;
  readonly finishedAtMs: number | null;
  /** Number of the attempt that holds or held the job; 0 before the first. */
  readonly attempt: number;
  readonly cancelRequestedAtMs: number | null;
  /** Generated text, complete or partial; null while none was stored. */
  readonly text: string | null;
  readonly finishReason: FinishReason | null;
  readonly usage: JobUsage | null;
  readonly timings: JobTimings | null;
  readonly failure: JobFailure | null;
}
