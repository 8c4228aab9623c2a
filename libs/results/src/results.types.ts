import type { JobRecord, JobStatus, JobStatusEvent, JobTokenEvent } from '#contracts';

export interface ListJobsQuery {
  readonly tenant: string;
  /** Most jobs of the page. */
  readonly limit: number;
  /** The page begins after this id; without it, at the newest job. */
  readonly after?: string | undefined;
  readonly status?: JobStatus | undefined;
  readonly model?: string | undefined;
  readonly variant?: string | undefined;
}

/** Jobs that were quarantined and not retried since. */
export interface DeadLettersQuery {
  readonly tenant: string;
  /** Most jobs of the page. */
  readonly limit: number;
  /** `nextAfter` of the page before; without it, the latest quarantine comes first. */
  readonly after?: string | undefined;
}

export interface JobPage {
  /** Newest first. */
  readonly jobs: readonly JobRecord[];
  readonly hasMore: boolean;
  /**
   * `after` of the next page; null at the end. It is the last job's id, except where a filter matched little and the
   * search stopped at its bound: then it is where the search stopped.
   */
  readonly nextAfter: string | null;
}

/** Reads jobs. Every method rejects with `DroverError('queue_unavailable')` at once when Redis is away. */
export interface JobReader {
  /**
   * Fetches the tenant's job; undefined where it never was, has expired, or is another tenant's. A job with `ttlMs` 0
   * that has ended is gone with this: of two readers one gets it.
   */
  get(tenant: string, jobId: string): Promise<JobRecord | undefined>;
  /** Looks at the job without fetching it; the output of an ended job with `ttlMs` 0 is not shown. */
  peek(tenant: string, jobId: string): Promise<JobRecord | undefined>;
  /** Shows jobs as `peek` does. */
  list(query: ListJobsQuery): Promise<JobPage>;
  /** Quarantined jobs as `peek` shows them, the latest first. */
  deadLetters(query: DeadLettersQuery): Promise<JobPage>;
  /** Quarantined jobs of all these tenants together. */
  countDeadLetters(tenants: readonly string[]): Promise<number>;
  /** Fetches the job once it has ended; as it stands when the time is up or the signal aborts. */
  waitForFinal(
    tenant: string,
    jobId: string,
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<JobRecord | undefined>;
  close(): Promise<void>;
}

/** A job's event as its stream holds it. `id` is `<attempt>-<n>`, ascending. */
export type StoredJobEvent =
  JobStatusEvent | JobTokenEvent | { readonly id: string; readonly type: 'done'; readonly status: JobStatus };

export interface JobEventFeed {
  /**
   * The job's events after `afterId` (from the start without it), stored ones first, then live ones; each once, in
   * order, those that are there together in one list. Text that has piled up comes in one event. Ends after `done`, on
   * abort, and where the stream is gone.
   */
  events(
    jobId: string,
    afterId: string | undefined,
    signal: AbortSignal,
  ): AsyncIterable<readonly StoredJobEvent[]>;
  /** Whether `events` can go on after this id. False for one that no reader was ever given. */
  mayResumeAfter(jobId: string, eventId: string): Promise<boolean>;
  close(): Promise<void>;
}
