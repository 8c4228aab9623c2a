/** A run of known tokens of one sequence, written to the cache of `slot` at `startPosition`. */
export interface PrefillChunk {
  readonly slot: number;
  readonly tokenIds: Int32Array;
  readonly startPosition: number;
  /** True where a token follows that is not known yet: only the chunk's last position needs logits. */
  readonly needsLogits: boolean;
}

/** One token of one sequence; its key and value go to `position` of `slot`. */
export interface DecodeRow {
  readonly slot: number;
  readonly tokenId: number;
  readonly position: number;
}

/** What one step asks of the model. No slot appears twice. */
export interface ModelStep {
  readonly decodes: readonly DecodeRow[];
  readonly prefills: readonly PrefillChunk[];
}

/**
 * Logits of a step, float32 rows of `vocabSize`, in the order asked: `decodes[i]` for decode row i, `prefills[i]`
 * for chunk i (null where `needsLogits` was false). The arrays are the runner's memory: they are valid, and may
 * be changed in place by the caller, until the next `run`.
 */
export interface StepLogits {
  readonly decodes: readonly Float32Array[];
  readonly prefills: readonly (Float32Array | null)[];
}

export interface ModelRunnerInfo {
  readonly vocabSize: number;
  /** Most tokens of one sequence, prompt and generated together. */
  readonly contextTokens: number;
  /** Sequences that can be in the cache at once. */
  readonly slots: number;
  /** Bytes of key and value cache held for all slots. */
  readonly kvCacheBytes: number;
}

/**
 * The model as the engine knows it. One `run` at a time. What a row answers depends on that row's own tokens only,
 * never on what runs beside it: batched output equals one-by-one output bit for bit.
 */
export interface ModelRunner {
  readonly info: ModelRunnerInfo;
  run(step: ModelStep): Promise<StepLogits>;
  close(): Promise<void>;
}
