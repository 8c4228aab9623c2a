import type {
  ChoiceRecord,
  FinalJobStatus,
  JobFailure,
  JobRecord,
  JobTimings,
  JobUsage,
  ModelRef,
  PlaceInLine,
  TextEnd,
  TokenLogprobs,
  WorkerHeartbeat,
} from '#contracts';

/** A job as the API hands it over; everything that can be checked has been. */
export type NewJob = Pick<
  JobRecord,
  | 'id'
  | 'tenant'
  | 'model'
  | 'variant'
  | 'input'
  | 'webhook'
  | 'metadata'
  | 'priority'
  | 'startByMs'
  | 'timeoutMs'
  | 'ttlMs'
  | 'promptTokens'
  | 'maxTokens'
  | 'choiceCount'
  | 'createdAtMs'
>;

export type CancelOutcome =
  | { readonly kind: 'cancelled'; readonly job: JobRecord }
  | { readonly kind: 'cancelling'; readonly job: JobRecord }
  | { readonly kind: 'already-finished'; readonly job: JobRecord }
  | { readonly kind: 'not-found' };

export type RetryOutcome =
  | { readonly kind: 'queued'; readonly job: JobRecord }
  | { readonly kind: 'not-finished'; readonly job: JobRecord }
  | { readonly kind: 'succeeded'; readonly job: JobRecord }
  | { readonly kind: 'not-found' };

/** The API's side of the queue. Every method rejects with `DroverError('queue_unavailable')` at once when Redis is away. */
export interface JobSubmitter {
  /** Stores the record and enqueues the job; resolves only once both are durable in Redis. */
  submit(job: NewJob): Promise<JobRecord>;
  cancel(tenant: string, jobId: string, nowMs: number): Promise<CancelOutcome>;
  /** Has a failed, cancelled or expired job run again, from its prompt. Resolves once that is durable in Redis. */
  retry(tenant: string, jobId: string, nowMs: number): Promise<RetryOutcome>;
  /** Where a job stands in line and when it is expected to start; undefined when not waiting. O(log n). */
  place(job: JobRecord): Promise<PlaceInLine | undefined>;
  /** Workers whose heartbeat has not run out. @param maxAgeMs how old the answer may be; without it, it is new. */
  liveWorkers(nowMs: number, maxAgeMs?: number): Promise<readonly WorkerHeartbeat[]>;
  /** Waiting and active jobs of every known queue, with the age of the oldest waiting one. */
  queueDepths(nowMs: number): Promise<readonly QueueDepth[]>;
  /** Jobs ended in the whole service, each counted once, by the script that ended it. */
  finishedJobs(): Promise<readonly FinishedJobs[]>;
  readonly idempotency: IdempotencyKeys;
  /** Rejects unless Redis answers. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

export type IdempotencyClaim =
  /** Make the job under this id: the caller's, or that of an earlier request which may have made it and never said so. */
  | { readonly kind: 'claimed'; readonly jobId: string }
  /** The key made this job, from the same body; `answer` is what the first request was told. */
  | { readonly kind: 'replay'; readonly jobId: string; readonly answer: string }
  /** Another request with this key and body has not answered yet. */
  | { readonly kind: 'in-progress' }
  | { readonly kind: 'different-body' };

/**
 * Idempotency keys of a tenant, each kept for 24 hours. After `claimed` call `complete`; `release` where the request was
 * refused, so that nothing was made; `abandon` where that is not known.
 */
export interface IdempotencyKeys {
  claim(
    tenant: string,
    key: string,
    bodySha256: string,
    jobId: string,
    nowMs: number,
  ): Promise<IdempotencyClaim>;
  complete(tenant: string, key: string, jobId: string, answer: string): Promise<void>;
  release(tenant: string, key: string, jobId: string): Promise<void>;
  /** The next request with the key goes on where this one has stopped, with the same job. */
  abandon(tenant: string, key: string, jobId: string): Promise<void>;
}

/** How many jobs of a queue ended with a status. */
export interface FinishedJobs extends ModelRef {
  readonly status: FinalJobStatus;
  readonly count: number;
}

export interface QueueDepth {
  readonly model: string;
  readonly variant: string;
  /** Jobs put off after a fault of ours included. */
  readonly waiting: number;
  /** Prompt tokens and the most tokens that may be generated, of all waiting jobs. */
  readonly waitingTokens: number;
  readonly active: number;
  /** Of the jobs that run next in their class of priority. */
  readonly oldestWaitingMs: number | null;
}

/** Proof that an attempt holds its job: BullMQ's lock token, with the attempt's number. */
export interface AttemptLease {
  readonly jobId: string;
  readonly model: string;
  readonly variant: string;
  readonly attempt: number;
  readonly lockToken: string;
}

/** An attempt that a worker held when it died. */
export interface HeldJob {
  readonly jobId: string;
  readonly attempt: number;
  /** BullMQ's token, where the supervisor knows it. */
  readonly lockToken?: string;
}

export interface FinishedAttempt {
  readonly status: FinalJobStatus;
  /** As many as the job's `choiceCount`. */
  readonly choices: readonly ChoiceRecord[];
  readonly usage: JobUsage;
  readonly timings: JobTimings;
  readonly failure: JobFailure | null;
  readonly finishedAtMs: number;
}

/** What the job's stream shows of one of its texts, over all attempts so far; the next attempt goes on from there. */
export interface TextSoFar {
  readonly tokenIds: readonly number[];
  readonly text: string;
  /** One for each token where the job's attempts report them, else empty. */
  readonly logprobs: readonly TokenLogprobs[];
  /** Null while the text goes on. */
  readonly finishReason: TextEnd | null;
}

export type StartOutcome =
  | {
      readonly kind: 'started';
      readonly job: JobRecord;
      /** By index of the text; those after the last one with tokens are left out. */
      readonly generated: readonly TextSoFar[];
      /** The death of a worker is blamed on this job: run it alone, so that it can harm no other. */
      readonly suspect: boolean;
    }
  /** Cancelled, expired or finished before this attempt: nothing to run. */
  | { readonly kind: 'skip'; readonly reason: 'already-finished' | 'cancelled' | 'expired' | 'gone' }
  | { readonly kind: 'lost' };

/** `lost`: the lock is no longer ours, nothing was written. */
export type FencedOutcome = 'written' | 'lost';

/** `retry-later`: the fault is ours and the job is in the queue again; the job worker puts it off for a while. */
export type FinishOutcome = FencedOutcome | 'retry-later';

export interface TokenAppend {
  readonly lease: AttemptLease;
  /** Ascending within the attempt from 1; with the attempt's number it is the stream entry's id. */
  readonly sequence: number;
  /** Which of the job's texts this goes on with. */
  readonly index: number;
  readonly text: string;
  /** Ids of the tokens that `text` is made of. Those of all appends in order are what a next attempt starts with. */
  readonly tokenIds: readonly number[];
  /** One for each token; empty where they are not reported. */
  readonly logprobs: readonly TokenLogprobs[];
  /** Set where the text ends while others of the job go on. */
  readonly finishReason: TextEnd | null;
}

/** The worker's side: all state changes of a running job, each one atomic script that checks the lease. */
export interface JobLifecycle {
  start(lease: AttemptLease, nowMs: number): Promise<StartOutcome>;
  /**
   * One script for all slots of a step. Returns, per append, whether it was taken. A cancellation or a loss that shows
   * then aborts the attempt's signal.
   */
  appendTokens(appends: readonly TokenAppend[]): Promise<readonly FencedOutcome[]>;
  finish(lease: AttemptLease, result: FinishedAttempt): Promise<FinishOutcome>;
}

/** Takes jobs of one variant and gives each to the handler, at most `concurrency` at once. */
export interface JobWorker {
  readonly lifecycle: JobLifecycle;
  /** Attempts whose handler runs now. */
  readonly activeCount: number;
  start(): Promise<void>;
  /** Resolves with whether Redis has taken it; false while Redis is away. */
  publishHeartbeat(heartbeat: WorkerHeartbeat): Promise<boolean>;
  withdrawHeartbeat(workerId: string): Promise<void>;
  /**
   * Takes no more jobs, waits for the active ones, and returns those still running after `timeoutMs` to the queue.
   * With Redis away it does not wait: their ends could not be written, and other workers take them over when it is back.
   * The connection stays open for the last heartbeat; `close` ends it.
   */
  drain(timeoutMs: number): Promise<void>;
  /** Ends at once; jobs still active are returned to the queue. */
  close(): Promise<void>;
}

/**
 * Runs one attempt: `lifecycle.start`, then tokens, then `lifecycle.finish`. When the signal aborts, its reason is an
 * `AttemptAborted`: after `cancelled` finish the job as cancelled with its partial text, after `lost` and `shutdown`
 * just return. A handler that throws fails its job with `internal_error`.
 */
export type AttemptHandler = (lease: AttemptLease, signal: AbortSignal) => Promise<void>;
