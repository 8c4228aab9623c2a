import type { CacheManager } from '../ports/cache-manager.port.js';
import type { Sequence } from '../sequence/sequence.js';
import { isPrefilling } from './plan-step.js';

/**
 * Brings in what is known of the prompts that are to run, but not of those whose logits are wanted. Returns how many
 * tokens need not be run.
 */
export function reusePrefixes(candidates: readonly Sequence[], cache: CacheManager): number {
  let reused = 0;
  for (const sequence of candidates) {
    if (!isPrefilling(sequence) || sequence.isScoring) continue;
    const tokens = cache.reuse(sequence);
    sequence.commitReuse(tokens);
    reused += tokens;
  }
  return reused;
}
