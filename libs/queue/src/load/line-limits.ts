import { DroverError, type ModelRef } from '#contracts';

/** Most that may wait for one variant. */
export interface LineLimits {
  readonly maxQueuedJobs: number;
  /** Prompt tokens and the most tokens that may be generated, of all waiting jobs. */
  readonly maxQueuedTokens: number;
}

export interface FullLine {
  readonly waitingJobs: number;
  readonly waitingTokens: number;
}
