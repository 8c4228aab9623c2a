/** Where a job stands. The last four are final: such a job never changes again. */
export const JOB_STATUSES = ['queued', 'running', 'succeeded', 'failed', 'cancelled', 'expired'] as const;

export type JobStatus = (typeof JOB_STATUSES)[number];

/** Which status may follow which. `running → queued` happens only when the job's worker is lost. */
export const JOB_STATUS_TRANSITIONS = {
  queued: ['running', 'failed', 'cancelled', 'expired'],
  running: ['queued', 'running', 'succeeded', 'failed', 'cancelled', 'expired'],
  succeeded: [],
  failed: [],
  cancelled: [],
  expired: [],
} as const satisfies Record<JobStatus, readonly JobStatus[]>;

export type FinalJobStatus = Exclude<JobStatus, 'queued' | 'running'>;

export function isFinalJobStatus(status: JobStatus): status is FinalJobStatus {
  return JOB_STATUS_TRANSITIONS[status].length === 0;
}

export function mayFollow(from: JobStatus, to: JobStatus): boolean {
  return (JOB_STATUS_TRANSITIONS[from] as readonly JobStatus[]).includes(to);
}
