import type { TopLogits } from '../ports/token-logits.js';
import { requireFinite } from './argmax.js';
import { rankTokens, type RankedTokens } from './rank-tokens.js';
import { tokenWeight } from './token-weight.js';

/** Log probabilities at one position, of the model's own distribution: before penalties, bans, temperature or a grammar. */
export interface TokenLogprobs {
  readonly tokenId: number;
  /** Natural logarithm; -Infinity for a token that the model rules out. */
  readonly logprob: number;
  /** The best tokens, best first; as many as were asked for. */
  readonly top: readonly { readonly tokenId: number; readonly logprob: number }[];
}

/**
 * Log softmax of a token and of the `topCount` best ones.
 * @param logits the model's own
 * @param topCount at most the capacity of `ranked`, which is working memory
 * @throws BrokenLogitsError where they are not numbers
 */
export function tokenLogprobs(
  logits: Float32Array,
  tokenId: number,
  topCount: number,
  ranked: RankedTokens,
): TokenLogprobs {
  rankTokens(logits, Math.max(1, topCount), ranked);
  const highest = requireFinite(ranked.logits[0]!);
  const logTotal = Math.log(requireFinite(totalAround(logits, highest)));
  const logprobOf = (id: number) => logits[id]! - highest - logTotal;
  const top = Array.from(ranked.ids.subarray(0, Math.min(topCount, ranked.count)), (id) => ({
    tokenId: id,
    logprob: logprobOf(id),
  }));
  return { tokenId, logprob: logprobOf(tokenId), top };
}

/** Like `tokenLogprobs`, of a token that is among the best ones. */
export function topTokenLogprobs(
  { tokenIds, logits, logSumExp }: TopLogits,
  tokenId: number,
  topCount: number,
): TokenLogprobs {
  const logprobAt = (rank: number) => logits[rank]! - logSumExp;
  const top = Array.from(tokenIds.subarray(0, topCount), (id, rank) => ({
    tokenId: id,
    logprob: logprobAt(rank),
  }));
  return { tokenId, logprob: logprobAt(tokenIds.indexOf(tokenId)), top };
}

/** Σ exp(logit - highest), in float64: nothing overflows. */
function totalAround(logits: Float32Array, highest: number): number {
  let total = 0;
  for (const logit of logits) total += tokenWeight(logit - highest);
  return total;
}
