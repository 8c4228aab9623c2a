import type { StepPlan } from '../scheduling/plan-step.js';
import type { Sequence } from '../sequence/sequence.js';

/** Tokens of a prompt that run however much of it is known: the last one's logits are wanted, and a lone one is slow. */
const TOKENS_LEFT_TO_RUN = 2;

/** Of a sequence's first tokens, how many may come from others: of those that run in chunks, all but the last two. */
export function reusableTokens({ prefillTokens }: Sequence): number {
  return prefillTokens - TOKENS_LEFT_TO_RUN;
}

/**
 * True where a chunk computes the block that follows the sequence's tokens, in a way that it may reuse.
 * @param isPure whether what another's chunk computes is the same bits for everyone
 */
export function isBlockComing(
  sequence: Sequence,
  chunks: StepPlan<Sequence>['chunks'],
  blockTokens: number,
  isPure: (other: Sequence) => boolean,
): boolean {
  const start = sequence.processedTokens;
  const end = start + blockTokens;
  if (start % blockTokens !== 0 || end > reusableTokens(sequence)) return false;
  return chunks.some(({ sequence: other, tokenCount }) => {
    const from = other.processedTokens;
    if (from >= end || from + tokenCount < end) return false;
    if (sequence.request.deterministic && !isPure(other)) return false;
    return sharesStart(sequence, other, end);
  });
}

function sharesStart(a: Sequence, b: Sequence, tokens: number): boolean {
  if (a.request.cacheSalt !== b.request.cacheSalt || b.prefillTokens < tokens) return false;
  for (let i = 0; i < tokens; i++) {
    if (a.prefillTokenIds[i] !== b.prefillTokenIds[i]) return false;
  }
  return true;
}
