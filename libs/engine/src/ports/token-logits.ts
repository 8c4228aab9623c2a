/** The best tokens of a vocabulary after one position, and how much all of them weigh. */
export interface TopLogits {
  /** Best first; the lower id first among equals. */
  readonly tokenIds: Int32Array;
  /** One for each of `tokenIds`. */
  readonly logits: Float32Array;
  /** Natural logarithm of the sum of exp(logit) over the whole vocabulary. */
  readonly logSumExp: number;
}

/** What the model says of the token after one position: a logit for each of the vocabulary, or the best ones only. */
export type TokenLogits = Float32Array | TopLogits;
