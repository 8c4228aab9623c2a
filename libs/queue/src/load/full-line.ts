import { DroverError, type ModelRef } from '#contracts';
import { estimateStart, type StartFacts } from './estimate-start.js';
import type { JobSize, LineClass, QueueLoad } from './queue-load.js';
import { scaled } from './work-ahead.js';

/** Most that may wait for one variant. */
export interface LineLimits {
  readonly maxQueuedJobs: number;
  /** Prompt tokens and the most tokens that may be generated, of all waiting jobs together. */
  readonly maxQueuedTokens: number;
}

export const NO_LIMITS: LineLimits = {
  maxQueuedJobs: Number.MAX_SAFE_INTEGER,
  maxQueuedTokens: Number.MAX_SAFE_INTEGER,
};

/** A line that had no room for one more job. */
export interface FullLine {
  readonly jobs: number;
  readonly tokens: number;
}

/** Told where nothing better is known. */
const UNKNOWN_RETRY_S = 10;
/** A longer wait is no promise worth making. */
const LONGEST_RETRY_S = 3600;

/**
 * Seconds until enough jobs have started that this one finds room; 10 where that is not known, an hour at most.
 */
export function secondsUntilRoom(
  full: FullLine,
  limits: LineLimits,
  job: JobSize,
  load: QueueLoad,
  workers: StartFacts['workers'],
  nowMs: number,
): number {
  const tooManyJobs = full.jobs + 1 - limits.maxQueuedJobs;
  const tooManyTokens = full.tokens + job.promptTokens + job.maxTokens - limits.maxQueuedTokens;
  const jobs = sumOf(load.line, 'jobs');
  const tokensPerJob = (sumOf(load.line, 'promptTokens') + sumOf(load.line, 'maxTokens')) / jobs;
  const starts = Math.min(jobs, Math.max(1, tooManyJobs, Math.ceil(tooManyTokens / tokensPerJob)));
  // Whoever leaves the line makes room, so better jobs that come meanwhile delay nothing.
  const ahead = scaled(load.line, (starts - 1) / jobs);
  const eta =
    jobs === 0 ? null : estimateStart({ ahead, overtaking: [], running: load.running, workers, nowMs });
  return eta === null ? UNKNOWN_RETRY_S : Math.min(LONGEST_RETRY_S, Math.max(1, Math.ceil(eta.expected)));
}

/** The refusal of a job that found no room; one that is larger than the whole line never will. */
export function refusal(
  ref: ModelRef,
  full: FullLine,
  limits: LineLimits,
  job: JobSize,
  retryAfterS: number,
): DroverError {
  const tokens = job.promptTokens + job.maxTokens;
  if (tokens > limits.maxQueuedTokens) {
    return new DroverError(
      'invalid_value',
      `The job has ${tokens} tokens (prompt ${job.promptTokens}, up to ${job.maxTokens} generated); all waiting jobs of a variant may have ${limits.maxQueuedTokens} together (DROVER_MAX_QUEUED_TOKENS). Ask for fewer.`,
      { param: 'input.max_tokens' },
    );
  }
  const reason =
    full.jobs >= limits.maxQueuedJobs
      ? `${full.jobs} jobs wait for ${ref.model}:${ref.variant}, and ${limits.maxQueuedJobs} may (DROVER_MAX_QUEUED_JOBS)`
      : `${full.tokens} tokens wait for ${ref.model}:${ref.variant} and this job has ${tokens}, but ${limits.maxQueuedTokens} may wait (DROVER_MAX_QUEUED_TOKENS)`;
  return new DroverError('queue_full', `${reason}. Try again in ${retryAfterS} s.`, { retryAfterS });
}

function sumOf(line: readonly LineClass[], part: 'jobs' | 'promptTokens' | 'maxTokens'): number {
  return line.reduce((sum, one) => sum + one[part], 0);
}
