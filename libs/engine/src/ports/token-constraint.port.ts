/**
 * Which tokens may come next, by a grammar or a list of choices. It belongs to one sequence and follows it token by
 * token. A call that throws ends that sequence alone.
 */
export interface TokenConstraint {
  /**
   * The tokens that may come next, one bit each: token `id` is bit `id % 32` of word `id >> 5`. Valid until the next
   * call. With at least `minRemainingTokens()` tokens at its start, a sequence always ends in a complete document:
   * the fewer tokens remain, the fewer ways lead on.
   * @param remainingTokens tokens that may still be generated, this one and an end token included
   */
  allowedTokens(remainingTokens: number): Int32Array;
  /** Takes the token that was chosen, resumed ones included. @throws Error where the grammar does not allow it. */
  accept(tokenId: number): void;
  /** Tokens of the shortest way to a complete document from here. */
  minRemainingTokens(): number;
  /** The document is complete and nothing but an end token can follow: generation stops. */
  readonly isComplete: boolean;
  /** Frees its memory; called once, when the sequence is over. */
  close(): void;
}
