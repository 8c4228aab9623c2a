import type { TokenLogprob, TokenLogprobs } from '#contracts';
import type { TokenLogprobs as EngineLogprobs } from '#engine';
import type { Tokenizer } from '#tokenizer';

/** Adds to log probabilities the texts of their tokens. */
export type LogprobDescriber = (logprobs: readonly EngineLogprobs[]) => TokenLogprobs[];

/** Stands for a token that cannot come, since JSON has no infinity; OpenAI does the same. */
const IMPOSSIBLE = -9999;
const DECIMALS = 1e6;

export function createLogprobDescriber(tokenizer: Pick<Tokenizer, 'describeToken'>): LogprobDescriber {
  const describe = ({ tokenId, logprob }: Pick<TokenLogprob, 'tokenId' | 'logprob'>): TokenLogprob => ({
    tokenId,
    ...tokenizer.describeToken(tokenId),
    logprob: Math.round(Math.max(logprob, IMPOSSIBLE) * DECIMALS) / DECIMALS,
  });
  return (logprobs) =>
    logprobs.map(({ top, ...chosen }) => ({ ...describe(chosen), top: top.map(describe) }));
}
