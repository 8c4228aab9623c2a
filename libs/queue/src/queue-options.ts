import type { JobsOptions, QueueOptions, WorkerOptions } from 'bullmq';
import { BULL_PREFIX } from './redis-keys.js';

/** BullMQ's own event stream is read by nobody; the job's stream tells more. */
const EVENTS_KEPT = 1_000;

/** How the queue is used: a job is a pointer to its record, which BullMQ need not keep once it is done. */
export const PRODUCER_OPTIONS = {
  prefix: BULL_PREFIX,
  // A queue made while Redis is away must work once it is back, and fail at once until then.
  skipWaitingForReady: true,
  skipVersionCheck: true,
  streams: { events: { maxLen: EVENTS_KEPT } },
} satisfies Omit<QueueOptions, 'connection'>;

/** Renewed every LOCK_RENEWAL_MS, so a worker may stand still for 4 s without losing its jobs. */
const LOCK_MS = 6_000;
const LOCK_RENEWAL_MS = 2_000;
/** A lost worker's jobs run again at most lock + one check (two where checks of workers collide) after its death. */
const STALLED_CHECK_MS = 1_000;

export const CONSUMER_OPTIONS = {
  prefix: BULL_PREFIX,
  autorun: false,
  lockDuration: LOCK_MS,
  lockRenewTime: LOCK_RENEWAL_MS,
  stalledInterval: STALLED_CHECK_MS,
  // BullMQ must never give a job up by itself, out of the record's sight: the start script counts lost workers and
  // fails the job together with its record.
  maxStalledCount: Number.MAX_SAFE_INTEGER,
  // Also the longest wait of a job that another worker handed back: BullMQ wakes nobody for it.
  drainDelay: 2,
  runRetryDelay: 1_000,
} satisfies Omit<WorkerOptions, 'connection'>;

/** What BullMQ carries of a job; all else is in the record. */
export interface BullJobData {
  /** Attempts of the job before BullMQ got it. */
  readonly attemptsBefore: number;
}

export function jobOptions(jobId: string, priority: number): JobsOptions {
  return {
    jobId,
    // Always above 0: jobs without priority would overtake all others.
    priority,
    // The record tells what became of the job, and its id must be free for a retry.
    removeOnComplete: true,
    removeOnFail: true,
  };
}
