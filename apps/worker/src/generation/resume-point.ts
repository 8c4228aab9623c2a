import type { JobInput } from '#contracts';
import type { ResumePoint } from '#engine';
import type { GeneratedSoFar } from '#queue';

/**
 * Where a new attempt goes on; null for the first one. A text that its client can have again, by a seed or greedily,
 * must come out as if nothing had happened, which costs a decode step for each token that was there already. Any other
 * text may as well take the faster way.
 */
export function resumePointOf(input: JobInput, { tokenIds }: GeneratedSoFar): ResumePoint | null {
  if (tokenIds.length === 0) return null;
  return { tokenIds, replay: isRepeatable(input) ? 'decode' : 'prefill' };
}

function isRepeatable({ seed, temperature, do_sample: sampled }: JobInput): boolean {
  return seed !== undefined || temperature === 0 || sampled === false;
}
