/** A job that has ended: only its client's retry changes it again. */
export const FINAL_JOB_STATUSES = ['succeeded', 'failed', 'cancelled', 'expired'] as const;

/** Where a job stands. */
export const JOB_STATUSES = ['queued', 'running', ...FINAL_JOB_STATUSES] as const;

export type JobStatus = (typeof JOB_STATUSES)[number];

/**
 * Which status may follow which. A running job goes back to the queue when its worker is lost, hands it over or failed
 * on it in a way that may pass; an ended one when its client asks for a retry, which a success never needs.
 */
export const JOB_STATUS_TRANSITIONS = {
  queued: ['running', 'failed', 'cancelled', 'expired'],
  running: ['queued', 'running', 'succeeded', 'failed', 'cancelled', 'expired'],
  succeeded: [],
  failed: ['queued'],
  cancelled: ['queued'],
  expired: ['queued'],
} as const satisfies Record<JobStatus, readonly JobStatus[]>;

export type FinalJobStatus = (typeof FINAL_JOB_STATUSES)[number];

export function isFinalJobStatus(status: JobStatus): status is FinalJobStatus {
  return (FINAL_JOB_STATUSES as readonly JobStatus[]).includes(status);
}

export function mayFollow(from: JobStatus, to: JobStatus): boolean {
  return (JOB_STATUS_TRANSITIONS[from] as readonly JobStatus[]).includes(to);
}
