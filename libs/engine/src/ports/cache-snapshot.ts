/** Who is where in the cache, between two steps; for `findViolations`. */
export interface CacheSnapshot {
  readonly slots: number;
  readonly takenSlots: readonly number[];
  /** Bound of the sum over `residentTokens`. */
  readonly cacheTokens: number;
  /** Tokens that each slot has memory for. */
  readonly residentTokens: readonly number[];
  readonly blocks: number;
  readonly prefixBlocks: readonly PrefixBlockSnapshot[];
}

export interface PrefixBlockSnapshot {
  readonly block: number;
  /** The block of the tokens before it; null where it begins a text. */
  readonly parentBlock: number | null;
  readonly isPure: boolean;
}
