import type { TokenLogits } from './token-logits.js';

/** A run of known tokens of one sequence; a decode has one. */
export interface PagedRow {
  /**
   * Ids of the sequence's blocks, in the order of its tokens: position p is token `p % blockTokens` of
   * `blocks[Math.floor(p / blockTokens)]`. They cover `startPosition + tokenIds.length` tokens; those that other rows
   * have too are only read.
   */
  readonly blocks: readonly number[];
  readonly tokenIds: Int32Array;
  /** Tokens before them, whose keys and values are in the blocks. */
  readonly startPosition: number;
  /**
   * Of how many of its last positions the logits are wanted: 0 where the next token is known, 1 where it is sampled,
   * more where the tokens are a draft to be verified.
   */
  readonly logitPositions: number;
  /** `top`: the `topLogits` best ones. `full`: the whole vocabulary's, which cost a copy from the device. */
  readonly logits: 'top' | 'full';
}

/** What one step asks of the model: at most `sequences` rows of at most `stepTokens` tokens together, decodes first. */
export interface PagedStep {
  readonly rows: readonly PagedRow[];
  /** True where every row must answer bit for bit as it would beside any other rows. */
  readonly exact: boolean;
}

export interface BlockCopy {
  readonly from: number;
  readonly to: number;
}

export interface PagedRunnerInfo {
  readonly vocabSize: number;
  /** Most tokens of one sequence, prompt and generated together. */
  readonly contextTokens: number;
  /** Most rows of a step, each of its own sequence. */
  readonly sequences: number;
  /** Most tokens of a step; at least two more than `sequences`, so that a prompt moves on beside any texts. */
  readonly stepTokens: number;
  /** Tokens of one block; even. */
  readonly blockTokens: number;
  /** Blocks of the pool: `blocks` × `blockTokens` tokens may be in the cache. Their ids start at 0. */
  readonly blocks: number;
  /** How many best tokens a `top` row has; at most `vocabSize`. */
  readonly topLogits: number;
  /** Bytes of the pool. */
  readonly kvCacheBytes: number;
}

/**
 * A model whose attention reads keys and values in place from a pool of blocks, which any number of sequences may
 * share. One `run` or `copyBlocks` at a time. What is in a block stays until it is written again.
 */
export interface PagedRunner {
  readonly info: PagedRunnerInfo;
  /**
   * Runs all rows at once. By row, then by its `logitPositions`, the last position last. The arrays are the runner's
   * memory: they are valid, and may be changed in place by the caller, until the next `run`.
   */
  run(step: PagedStep): Promise<readonly (readonly TokenLogits[])[]>;
  /** Copies whole blocks: none is written twice, and none is both read and written. */
  copyBlocks(copies: readonly BlockCopy[]): Promise<void>;
  close(): Promise<void>;
}
