import type { LlamaConfig } from '#model-store';

/** Where weights come from: a checkpoint on disk, or a generator. */
export interface WeightSource {
  readonly config: LlamaConfig;
  /**
   * A tensor's rows in order, in float32 pieces of whole rows (a vector is one row). A piece may be overwritten once
   * the next is asked for.
   */
  rows(tensor: string): AsyncIterable<Float32Array>;
}

/** Weights per piece: small enough to keep little in memory and to let timers run between pieces. */
export const WEIGHTS_PER_PIECE = 2 ** 21;
