import {
  EngineClosedError,
  InvalidGenerationRequestError,
  type GenerationFinish,
  type GenerationResult,
} from '#engine';
import type { FinishReason, JobFailure, JobTimings, JobUsage } from '#contracts';
import type { FinishedAttempt, GeneratedSoFar } from '#queue';
import type { StopCause } from './attempt-signals.js';

/** What was published before an attempt broke. */
export interface PublishedText {
  readonly text: string;
  readonly tokenCount: number;
}

/** How one attempt at a job ended. */
export type AttemptEnd =
  | {
      readonly kind: 'completed';
      readonly result: GenerationResult;
      readonly finishReason: Exclude<GenerationFinish, 'aborted'>;
    }
  /** Stopped on purpose while it ran; the text so far is kept. */
  | { readonly kind: 'cut'; readonly cause: 'cancelled' | 'deadline'; readonly result: GenerationResult }
  /** The job can never run: its input is at fault. */
  | { readonly kind: 'refused'; readonly failure: JobFailure }
  | { readonly kind: 'broken'; readonly failure: JobFailure; readonly published: PublishedText }
  /** Not ours to end: another worker has the job, or will have it. */
  | { readonly kind: 'handed-over'; readonly cause: 'lost' | 'shutdown' };

const NO_TIMINGS: JobTimings = { timeToFirstTokenMs: null, prefillMs: 0, decodeMs: 0, resumedTokens: 0 };

/**
 * How the attempt ended, given the engine's result and what had stopped it. One that is handed over ends nothing, not
 * even with a complete text: some of it may not have reached the stream, and the next attempt goes on from there. Any
 * other complete text counts, whatever came after.
 */
export function endOf(result: GenerationResult, stopCause: StopCause | undefined): AttemptEnd {
  if (stopCause === 'lost' || stopCause === 'shutdown') return { kind: 'handed-over', cause: stopCause };
  if (result.finish !== 'aborted') return { kind: 'completed', result, finishReason: result.finish };
  switch (stopCause) {
    case 'cancelled':
    case 'deadline':
      return { kind: 'cut', cause: stopCause, result };
    case undefined:
      // The engine itself was closed under a running attempt.
      return { kind: 'handed-over', cause: 'shutdown' };
    default:
      return stopCause satisfies never;
  }
}

/** How the attempt ended that was stopped before it ran: with what earlier ones have shown. */
export function endOfWait(
  { text, tokenIds }: GeneratedSoFar,
  promptTokenCount: number,
  stopCause: StopCause | undefined,
): AttemptEnd {
  const result: GenerationResult = {
    tokenIds,
    text,
    finish: 'aborted',
    promptTokenCount,
    cachedTokenCount: 0,
    resumedTokenCount: tokenIds.length,
    timeToFirstTokenMs: null,
    prefillMs: 0,
    decodeMs: 0,
  };
  return endOf(result, stopCause);
}

/** How the attempt ended where the engine gave no result. */
export function endOfError(
  error: unknown,
  published: PublishedText,
  stopCause: StopCause | undefined,
): AttemptEnd {
  if (stopCause === 'lost' || stopCause === 'shutdown') return { kind: 'handed-over', cause: stopCause };
  if (error instanceof EngineClosedError) return { kind: 'handed-over', cause: 'shutdown' };
  const message = error instanceof Error ? error.message : String(error);
  return error instanceof InvalidGenerationRequestError
    ? { kind: 'refused', failure: { code: 'invalid_input', message } }
    : { kind: 'broken', failure: { code: 'engine_error', message }, published };
}

/** The final record of an attempt; null where nothing may be written. */
export function concludeAttempt(
  end: AttemptEnd,
  promptTokens: number,
  finishedAtMs: number,
): FinishedAttempt | null {
  switch (end.kind) {
    case 'completed':
      return { ...generated(end.result, end.finishReason, finishedAtMs), status: 'succeeded' };
    case 'cut':
      return {
        ...generated(end.result, end.cause, finishedAtMs),
        status: end.cause === 'cancelled' ? 'cancelled' : 'expired',
      };
    case 'refused':
      return failed(end.failure, { text: '', tokenCount: 0 }, promptTokens, finishedAtMs);
    case 'broken':
      return failed(end.failure, end.published, promptTokens, finishedAtMs);
    case 'handed-over':
      return null;
    default:
      return end satisfies never;
  }
}

function generated(result: GenerationResult, finishReason: FinishReason, finishedAtMs: number) {
  const { timeToFirstTokenMs, prefillMs, decodeMs } = result;
  const usage: JobUsage = {
    promptTokens: result.promptTokenCount,
    completionTokens: result.tokenIds.length,
    cachedTokens: result.cachedTokenCount,
  };
  const timings: JobTimings = {
    timeToFirstTokenMs: timeToFirstTokenMs === null ? null : roundToMicroseconds(timeToFirstTokenMs),
    prefillMs: roundToMicroseconds(prefillMs),
    decodeMs: roundToMicroseconds(decodeMs),
    resumedTokens: result.resumedTokenCount,
  };
  return { text: result.text, finishReason, usage, timings, failure: null, finishedAtMs };
}

function roundToMicroseconds(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

function failed(
  failure: JobFailure,
  published: PublishedText,
  promptTokens: number,
  finishedAtMs: number,
): FinishedAttempt {
  return {
    status: 'failed',
    text: published.text,
    finishReason: 'error',
    usage: { promptTokens, completionTokens: published.tokenCount, cachedTokens: 0 },
    timings: NO_TIMINGS,
    failure,
    finishedAtMs,
  };
}
