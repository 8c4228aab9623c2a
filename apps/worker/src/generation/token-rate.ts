const WINDOW_MS = 5_000;
const BUCKET_MS = 250;

/** Generated tokens per second over the last five seconds. Holds at most 21 buckets. */
export class TokenRate {
  private readonly buckets: { readonly startMs: number; tokens: number }[] = [];

  add(tokens: number, nowMs: number): void {
    if (tokens === 0) return;
    const startMs = nowMs - (nowMs % BUCKET_MS);
    const last = this.buckets.at(-1);
    if (last !== undefined && startMs <= last.startMs) last.tokens += tokens;
    else this.buckets.push({ startMs, tokens });
    this.dropOld(nowMs);
  }

  /** Counts from the first token in the window, one second at least, so that a worker just started is not averaged down. */
  perSecond(nowMs: number): number {
    this.dropOld(nowMs);
    const first = this.buckets[0];
    if (first === undefined) return 0;
    const tokens = this.buckets.reduce((sum, bucket) => sum + bucket.tokens, 0);
    return (tokens * 1000) / Math.max(1000, nowMs - first.startMs);
  }

  private dropOld(nowMs: number): void {
    while (this.buckets[0] !== undefined && this.buckets[0].startMs <= nowMs - WINDOW_MS)
      this.buckets.shift();
  }
}
