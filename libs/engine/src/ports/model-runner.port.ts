/** A run of known tokens of one sequence, written to the cache of `slot` at `startPosition`. */
export interface PrefillChunk {
  readonly slot: number;
  readonly tokenIds: Int32Array;
  readonly startPosition: number;
  /**
   * Of how many of its last positions the logits are wanted: 0 where the next token is known, 1 where it is sampled,
   * more where the tokens are a draft to be verified.
   */
  readonly logitPositions: number;
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
  /**
   * True where every row must answer bit for bit as it would beside any other rows, which costs a lone row the time of
   * two. Otherwise last bits may depend on how many rows run.
   */
  readonly exact: boolean;
}

/**
 * Logits of a step, float32 rows of `vocabSize`, in the order asked: `decodes[i]` for decode row i, `prefills[i]`
 * for chunk i, one row for each of its `logitPositions`, the last position last. The arrays are the runner's memory:
 * they are valid, and may be changed in place by the caller, until the next `run`.
 */
export interface StepLogits {
  readonly decodes: readonly Float32Array[];
  readonly prefills: readonly (readonly Float32Array[])[];
}

export interface ModelRunnerInfo {
  readonly vocabSize: number;
  /** Most tokens of one sequence, prompt and generated together. */
  readonly contextTokens: number;
  /** Sequences that can be in the cache at once. */
  readonly slots: number;
  /** Tokens that may be in the cache over all slots at once: what its memory holds, at most slots × contextTokens. */
  readonly cacheTokens: number;
  /** Bytes of key and value cache when `cacheTokens` are in it. */
  readonly kvCacheBytes: number;
  /** Tokens of one block of the block store; even. */
  readonly blockTokens: number;
  /** Blocks that the block store holds; 0 where there is none. */
  readonly blocks: number;
}

/**
 * The model as the engine knows it. One `run` at a time; the copies are made between runs and are over when they
 * return. What a row of an exact step answers depends on that row's own tokens only, never on what runs beside it.
 */
export interface ModelRunner {
  readonly info: ModelRunnerInfo;
  /** Rejects with `ModelRunError` where the model could not be run. */
  run(step: ModelStep): Promise<StepLogits>;
  /** Copies the `blockTokens` tokens of `slot` from `startPosition` on into `block`. */
  saveBlock(slot: number, startPosition: number, block: number): void;
  /** Copies a block to `slot` at `startPosition`, where the slot's tokens must end so far. */
  loadBlock(block: number, slot: number, startPosition: number): void;
  /** Moves a sequence's tokens to another slot; what that one held is lost. */
  moveSlot(from: number, to: number): void;
  /** Forgets the tokens of a slot and gives its memory back to the system. */
  trimSlot(slot: number): void;
  close(): Promise<void>;
}
