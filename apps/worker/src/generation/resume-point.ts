import { isDeterministic, type JobInput } from '#contracts';
import type { ResumePoint } from '#engine';
import type { GeneratedSoFar } from '#queue';

/**
 * Where a new attempt goes on; null for the first one. A deterministic text must come out as if nothing had happened,
 * which costs a decode step for each token that was there already. Any other text may as well take the faster way.
 */
export function resumePointOf(input: JobInput, { tokenIds }: GeneratedSoFar): ResumePoint | null {
  if (tokenIds.length === 0) return null;
  return { tokenIds, replay: isDeterministic(input) ? 'decode' : 'prefill' };
}
