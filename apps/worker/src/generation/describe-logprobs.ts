import type { PromptTokenLogprobs, TokenLogprob, TokenLogprobs } from '#contracts';
import type { PromptTokenLogprobs as EnginePromptLogprobs, TokenLogprobs as EngineLogprobs } from '#engine';
import type { Tokenizer } from '#tokenizer';

/** Adds to log probabilities the texts of their tokens. */
export interface LogprobDescriber {
  (logprobs: readonly EngineLogprobs[]): TokenLogprobs[];
  (logprobs: readonly EnginePromptLogprobs[]): PromptTokenLogprobs[];
}

/** Stands for a token that cannot come, since JSON has no infinity; OpenAI does the same. */
const IMPOSSIBLE = -9999;
const DECIMALS = 1e6;

export function createLogprobDescriber(tokenizer: Pick<Tokenizer, 'describeToken'>): LogprobDescriber {
  const describeTop = ({ tokenId, logprob }: Pick<TokenLogprob, 'tokenId' | 'logprob'>): TokenLogprob => ({
    tokenId,
    ...tokenizer.describeToken(tokenId),
    logprob: roundLogprob(logprob),
  });
  function describe(logprobs: readonly EngineLogprobs[]): TokenLogprobs[];
  function describe(logprobs: readonly EnginePromptLogprobs[]): PromptTokenLogprobs[];
  function describe(logprobs: readonly EnginePromptLogprobs[]): PromptTokenLogprobs[] {
    return logprobs.map(({ tokenId, logprob, top }) => ({
      tokenId,
      ...tokenizer.describeToken(tokenId),
      logprob: logprob === null ? null : roundLogprob(logprob),
      top: top.map(describeTop),
    }));
  }
  return describe;
}

function roundLogprob(logprob: number): number {
  return Math.round(Math.max(logprob, IMPOSSIBLE) * DECIMALS) / DECIMALS;
}
