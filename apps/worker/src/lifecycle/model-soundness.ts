import type { EngineFault } from '#contracts';

/** An attempt that the engine failed. */
export interface JobFault {
  readonly jobId: string;
  readonly reason: EngineFault;
  /** The same for all attempts that failed in one step. */
  readonly cause: unknown;
}

/**
 * Watches over a worker's model. One that answers nothing but faults would take its queue's jobs faster than any that
 * works and fail them all; a worker that finds itself so is told once, and leaves.
 *
 * So two steps must have failed without a job in between that ended well, and not both for one job: a job may be to
 * blame itself, and a single step may have been unlucky.
 */
export class ModelSoundness {
  /** The last step that failed, and the jobs it failed; undefined since a job ended well. */
  private last: { readonly cause: unknown; readonly jobIds: Set<string> } | undefined;
  private told = false;

  constructor(private readonly onUnsound: (fault: JobFault) => void) {}

  jobSucceeded(): void {
    this.last = undefined;
  }

  /** A run that was stopped from outside says nothing of the model. */
  jobFailed(fault: JobFault): void {
    if (this.told || fault.reason === 'run_terminated') return;
    const { last } = this;
    if (last !== undefined && last.cause === fault.cause) {
      last.jobIds.add(fault.jobId);
      return;
    }
    this.last = { cause: fault.cause, jobIds: new Set([fault.jobId]) };
    const wasThisJobAlone = last?.jobIds.size === 1 && last.jobIds.has(fault.jobId);
    if (last === undefined || wasThisJobAlone) return;
    this.told = true;
    this.onUnsound(fault);
  }
}
