/** What most callers see, and what one in a hundred sees. */
export interface Spread {
  readonly p50: number;
  readonly p99: number;
}

/** By nearest rank, so each figure is one that was measured. NaN of nothing. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const rank = (share: number) => sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN;
  return { p50: rank(0.5), p99: rank(0.99) };
}
