import type { GenerationResult } from '#engine';
import type { TextSoFar } from '#queue';

/** What the engine would say of a text that it has not run in this attempt: only what is shown of it. */
export function resultSoFar(shown: TextSoFar | undefined, promptTokenCount: number): GenerationResult {
  const { text, tokenIds, logprobs, finishReason } = shown ?? NOTHING_SHOWN;
  return {
    text,
    tokenIds,
    ...(logprobs.length === 0 ? {} : { logprobs }),
    finish: finishReason ?? 'aborted',
    promptTokenCount,
    cachedTokenCount: 0,
    resumedTokenCount: tokenIds.length,
    timeToFirstTokenMs: null,
    prefillMs: 0,
    decodeMs: 0,
  };
}

const NOTHING_SHOWN: TextSoFar = { text: '', tokenIds: [], logprobs: [], finishReason: null };

/** Natural logarithm of the geometric mean of the tokens' probabilities; -Infinity where there are none. */
export function meanLogprobOf({ logprobs = [] }: GenerationResult): number {
  if (logprobs.length === 0) return Number.NEGATIVE_INFINITY;
  return logprobs.reduce((sum, { logprob }) => sum + logprob, 0) / logprobs.length;
}
