import type { CacheManager } from '../ports/cache-manager.port.js';
import type { Sequence } from '../sequence/sequence.js';
import { isPrefilling } from './plan-step.js';

/**
 * Brings in what is known of the prompts that may run in the next step: those whose tokens fill its budget. Returns how
 * many tokens need not be run.
 */
export function reusePrefixes(
  candidates: readonly Sequence[],
  promptTokens: number,
  cache: CacheManager,
): number {
  let reused = 0;
  let budget = promptTokens;
  for (const sequence of candidates) {
    if (budget <= 0) break;
    if (!isPrefilling(sequence)) continue;
    const tokens = cache.reuse(sequence);
    sequence.commitReuse(tokens);
    reused += tokens;
    budget -= sequence.prefillTokens - sequence.processedTokens;
  }
  return reused;
}
