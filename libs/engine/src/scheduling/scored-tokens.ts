/** Bytes that the logits of scored prompts may take in one step. */
const LOGITS_BYTES = 32 * 2 ** 20;

/**
 * Most prompt tokens of a step that have the logits of all their positions kept: 64 of a vocabulary of 128k. Even, since
 * chunks end at even positions, and 2 or more, so that a prompt moves on.
 */
export function scoredTokensPerStep(vocabSize: number): number {
  const tokens = Math.floor(LOGITS_BYTES / (Float32Array.BYTES_PER_ELEMENT * vocabSize));
  return Math.max(2, tokens - (tokens % 2));
}
