import { isDeterministic, type JobInput } from '#contracts';
import type { ResumePoint } from '#engine';
import type { TextSoFar } from '#queue';

/**
 * Where a new attempt goes on with a text; null where nothing of it was shown. A deterministic text must come out as if
 * nothing had happened, which costs a decode step for each token that was there already. Any other text may as well take
 * the faster way.
 */
export function resumePointOf(input: JobInput, shown: TextSoFar | undefined): ResumePoint | null {
  if (shown === undefined || shown.tokenIds.length === 0) return null;
  const { tokenIds, logprobs } = shown;
  return {
    tokenIds,
    ...(logprobs.length === 0 ? {} : { logprobs }),
    replay: isDeterministic(input) ? 'decode' : 'prefill',
  };
}
