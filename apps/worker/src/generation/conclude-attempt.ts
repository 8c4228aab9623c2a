import type { FinalJobStatus, FinishReason, JobFailure, JobRecord, JobTimings, JobUsage } from '#contracts';
import type { GenerationResult } from '#engine';
import type { FinishedAttempt } from '#queue';
import type { AttemptEnd, AttemptFault } from './attempt-end.js';
import { toChoices } from './choice-records.js';
import type { LogprobDescriber } from './describe-logprobs.js';

/** The final record of an attempt; null where nothing may be written. */
export function concludeAttempt(
  end: AttemptEnd,
  job: JobRecord,
  describe: LogprobDescriber,
  finishedAtMs: number,
): FinishedAttempt | null {
  const conclude = (
    status: FinalJobStatus,
    results: readonly GenerationResult[],
    unfinishedReason: FinishReason,
    failure: JobFailure | null = null,
  ): FinishedAttempt => ({
    status,
    choices: toChoices(job, results, unfinishedReason, describe),
    usage: usageOf(results, job.promptTokens),
    timings: timingsOf(results),
    failure,
    finishedAtMs,
  });
  switch (end.kind) {
    case 'completed':
      return conclude('succeeded', end.results, 'stop');
    case 'cut':
      return conclude(end.cause === 'cancelled' ? 'cancelled' : 'expired', end.results, end.cause);
    case 'refused':
      return conclude('failed', [], 'error', end.failure);
    case 'broken':
      return conclude('failed', end.results, 'error', failureOf(end.fault));
    case 'handed-over':
      return null;
    default:
      return end satisfies never;
  }
}

function failureOf({ reason, message }: AttemptFault): JobFailure {
  return { code: 'engine_error', message, reason };
}

/** Of a prompt that all texts share, as much was saved as the text had that found least of it in the cache. */
function usageOf(results: readonly GenerationResult[], promptTokens: number): JobUsage {
  return {
    promptTokens: results[0]?.promptTokenCount ?? promptTokens,
    completionTokens: sumOf(results, ({ tokenIds }) => tokenIds.length),
    cachedTokens:
      results.length === 0 ? 0 : Math.min(...results.map(({ cachedTokenCount }) => cachedTokenCount)),
  };
}

/** The texts run beside each other. */
function timingsOf(results: readonly GenerationResult[]): JobTimings {
  const firstTokensMs = results.map((result) => result.timeToFirstTokenMs).filter((ms) => ms !== null);
  return {
    timeToFirstTokenMs: firstTokensMs.length === 0 ? null : roundToMicroseconds(Math.min(...firstTokensMs)),
    prefillMs: longestOf(results, ({ prefillMs }) => prefillMs),
    decodeMs: longestOf(results, ({ decodeMs }) => decodeMs),
    resumedTokens: sumOf(results, ({ resumedTokenCount }) => resumedTokenCount),
  };
}

function sumOf(results: readonly GenerationResult[], figure: (result: GenerationResult) => number): number {
  return results.reduce((sum, result) => sum + figure(result), 0);
}

function longestOf(
  results: readonly GenerationResult[],
  figureMs: (result: GenerationResult) => number,
): number {
  return roundToMicroseconds(Math.max(0, ...results.map(figureMs)));
}

function roundToMicroseconds(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
