import { isFinalJobStatus } from '#contracts';
import type { JobStatus } from '#contracts';

/** A queued job is looked at after this: is it in BullMQ? Long enough for its submission to be over. */
export const QUEUED_REVIEW_MS = 30_000;
/**
 * What was in BullMQ at one look is hardly gone at the next, so it is looked at this seldom from then on: a long line
 * costs few looks, and a job whose time is up is not behind thousands of them.
 */
export const WAITING_REVIEW_MS = 600_000;
/** A running job is looked at this often: does a worker hold it? Longer than a lock and a stall check. */
export const RUNNING_REVIEW_MS = 15_000;

/** What a look at a watched job found. */
export interface WatchedJob {
  /** Undefined where the record is gone. */
  readonly status: JobStatus | undefined;
  readonly createdAtMs: number;
  /** While it waits, it expires after this: its `start_by`, or once it has started the end of its `timeout_s`. */
  readonly waitsUntilMs: number | null;
  readonly expiresAtMs: number;
  /** A worker holds BullMQ's lock. */
  readonly held: boolean;
  /** BullMQ has the job. */
  readonly inQueue: boolean;
}

export type ReviewStep = 'forget' | 'expire' | 'requeue' | 'restore' | 'wait';

/** What a watched job needs. The scripts check again, so a job that moves meanwhile is not harmed. */
export function planReview(job: WatchedJob, nowMs: number): ReviewStep {
  if (job.status === undefined) return 'forget';
  if (isFinalJobStatus(job.status) || job.held) return 'wait';
  if (!job.inQueue) return 'restore';
  if (job.status === 'running') return 'requeue';
  return job.waitsUntilMs !== null && nowMs > job.waitsUntilMs ? 'expire' : 'wait';
}

/** When to look again at a job that is still there. */
export function nextReviewMs(job: WatchedJob, nowMs: number): number {
  if (job.status === undefined || isFinalJobStatus(job.status))
    return Math.max(job.expiresAtMs, nowMs) + 1_000;
  if (job.status === 'running') return nowMs + RUNNING_REVIEW_MS;
  const { createdAtMs, waitsUntilMs } = job;
  const isYoung = nowMs < createdAtMs + QUEUED_REVIEW_MS;
  const routineMs = nowMs + (isYoung ? QUEUED_REVIEW_MS : WAITING_REVIEW_MS);
  return waitsUntilMs !== null && waitsUntilMs >= nowMs ? Math.min(waitsUntilMs + 1, routineMs) : routineMs;
}
