/** Who is where in the cache, between two steps; for `findViolations`. Sequences go by their rank of arrival. */
export type CacheSnapshot = SlotCacheSnapshot | BlockCacheSnapshot;

export interface SlotCacheSnapshot {
  readonly layout: 'slots';
  readonly slots: number;
  readonly takenSlots: readonly number[];
  readonly places: readonly { readonly admission: number; readonly slot: number }[];
  /** Bound of the sum over `residentTokens`. */
  readonly cacheTokens: number;
  /** Tokens that each slot has memory for. */
  readonly residentTokens: readonly number[];
  /** The store of prefixes. */
  readonly blocks: number;
  readonly prefixBlocks: readonly PrefixBlockSnapshot[];
}

export interface BlockCacheSnapshot {
  readonly layout: 'blocks';
  readonly blocks: number;
  readonly blockTokens: number;
  readonly tables: readonly (BlockTableSnapshot & { readonly admission: number })[];
  /** Holders of each block. */
  readonly references: readonly number[];
  readonly free: readonly number[];
  /** Known and held by nobody, the next to be given up first. */
  readonly cached: readonly number[];
  readonly prefixBlocks: readonly PrefixBlockSnapshot[];
}

export interface BlockTableSnapshot {
  /** In the order of the sequence's tokens. */
  readonly blocks: readonly number[];
  /** A block that is held until it is copied; null where none is. */
  readonly copySource: number | null;
}

/** A block that is known to hold the tokens of a text. */
export interface PrefixBlockSnapshot {
  readonly block: number;
  /** The block of the tokens before it; null where it begins a text. */
  readonly parentBlock: number | null;
  /** Computed, as was all before it, in a way that gives the same bits to everyone. */
  readonly isPure: boolean;
}
