import type { ModelRunnerInfo, PagedRunnerInfo } from '#engine';

/** Of a cache in slots, or of one in blocks. */
export type RunnerInfo = ModelRunnerInfo | PagedRunnerInfo;

/** Sequences that are in the cache at once. */
export function sequencesOf(info: RunnerInfo): number {
  return 'slots' in info ? info.slots : info.sequences;
}

/** Tokens that the cache holds over all sequences. */
export function cacheTokensOf(info: RunnerInfo): number {
  return 'slots' in info ? info.cacheTokens : info.blocks * info.blockTokens;
}
