import type { CacheSnapshot } from './ports/cache-snapshot.js';

/** A look at an engine between two steps. */
export interface EngineSnapshot {
  readonly contextTokens: number;
  readonly cache: CacheSnapshot;
  /** Those that have a place in the cache. */
  readonly sequences: readonly SequenceSnapshot[];
  /** Those that have lost theirs and wait to run again. */
  readonly preempted: readonly SequenceSnapshot[];
}

export interface SequenceSnapshot {
  readonly id: string;
  /** Rank by arrival. */
  readonly admission: number;
  readonly promptTokens: number;
  readonly processedTokens: number;
  /** Tokens that were known when it last began to run: no new one is sampled before they have run. */
  readonly replayEnd: number;
  readonly generatedTokens: number;
  readonly maxTokens: number;
}
