import type { Sequence } from '../sequence/sequence.js';

/** What each sequence should be able to grow by before another one is let in beside it. */
const HEADROOM_BLOCKS = 2;

/**
 * Tokens that a sequence should have room for when another joins it: without room to grow for a while one would take it
 * from the others, be preempted and come back, over and over.
 */
export function claimedTokens({ knownTokens, mostTokens }: Sequence, blockTokens: number): number {
  return Math.min(knownTokens + HEADROOM_BLOCKS * blockTokens, mostTokens);
}
