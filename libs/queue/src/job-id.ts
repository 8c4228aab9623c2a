import { v7 } from 'uuid';

/** `job_` and a UUIDv7 in hex: ids sort by the millisecond they were made in. */
export function newJobId(nowMs: number): string {
  return `job_${v7({ msecs: nowMs }).replaceAll('-', '')}`;
}

/** The millisecond a job id was made in. */
export function jobIdTimeMs(jobId: string): number {
  return Number.parseInt(jobId.slice(4, 16), 16);
}
