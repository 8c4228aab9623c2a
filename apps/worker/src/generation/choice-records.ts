import {
  offeredTools,
  type ChoiceRecord,
  type FinishReason,
  type JobInput,
  type JobRecord,
  type PromptTokenLogprobs,
  type ToolCall,
} from '#contracts';
import type { GenerationResult } from '#engine';
import { parseToolCalls } from '#tokenizer';
import type { LogprobDescriber } from './describe-logprobs.js';
import { meanLogprobOf } from './text-result.js';

/**
 * The choices that a job's client gets of its texts: all of them, or with `best_of` the likeliest, best first.
 * @param unfinishedReason why texts ended that did not end by themselves.
 */
export function toChoices(
  job: JobRecord,
  results: readonly GenerationResult[],
  unfinishedReason: FinishReason,
  describe: LogprobDescriber,
): ChoiceRecord[] {
  const promptLogprobs = describe(promptLogprobsOf(results));
  return pickBest(results, job.choiceCount).map((result, index) => {
    const finishReason = result.finish === 'aborted' ? unfinishedReason : result.finish;
    const shown = visibleLogprobs(result, job.input, describe);
    const logprobs = shown && [...promptLogprobs, ...shown];
    const turn = result.finish === 'aborted' ? null : parseTurn(job, result.text, index);
    return turn === null
      ? { text: result.text, finishReason, logprobs, toolCalls: null }
      : { ...turn, finishReason: 'tool_calls', logprobs };
  });
}

function pickBest(results: readonly GenerationResult[], count: number): readonly GenerationResult[] {
  if (results.length <= count) return results;
  return results.toSorted((a, b) => meanLogprobOf(b) - meanLogprobOf(a) || 0).slice(0, count);
}

/** Texts of one prompt share its scores: one of them has them, where they are told. */
function promptLogprobsOf(results: readonly GenerationResult[]) {
  return results.find(({ promptLogprobs }) => promptLogprobs !== undefined)?.promptLogprobs ?? [];
}

/** A token that ended the text is no part of it. */
function visibleLogprobs(
  { finish, logprobs = [] }: GenerationResult,
  { logprobs: asked, stop_token_ids: stopTokenIds = [] }: JobInput,
  describe: LogprobDescriber,
): PromptTokenLogprobs[] | null {
  if (asked !== true) return null;
  const described = describe(logprobs);
  const last = described.at(-1);
  const isEnd = last !== undefined && (last.bytes.length === 0 || stopTokenIds.includes(last.tokenId));
  return finish === 'stop' && isEnd ? described.slice(0, -1) : described;
}

/** A text as prose and calls of tools; null where it calls none. */
function parseTurn({ id, input }: JobRecord, text: string, index: number) {
  const tools = offeredTools(input);
  if (tools.length === 0) return null;
  const { content, toolCalls } = parseToolCalls(text, tools, `${id}#${index}`);
  if (toolCalls.length === 0) return null;
  return { text: content ?? '', toolCalls: allowedCalls(input, toolCalls) };
}

function allowedCalls({ parallel_tool_calls: parallel }: JobInput, calls: readonly ToolCall[]) {
  return parallel === false ? calls.slice(0, 1) : calls;
}
