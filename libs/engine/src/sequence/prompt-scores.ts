import type { TokenLogits } from '../ports/token-logits.js';
import type { RankedTokens } from '../sampling/rank-tokens.js';
import { tokenLogprobs, type TokenLogprobs } from '../sampling/token-logprobs.js';

/**
 * How probable the model holds each token of a prompt, given those before it. They come chunk by chunk, with the logits
 * of every position of a chunk, and survive a preemption.
 */
export class PromptScores {
  readonly #promptTokenIds: Int32Array;
  readonly #topLogprobs: number;
  readonly #scores: TokenLogprobs[] = [];

  /** @param topLogprobs how many of the best tokens are told beside each */
  constructor(promptTokenIds: Int32Array, topLogprobs: number) {
    this.#promptTokenIds = promptTokenIds;
    this.#topLogprobs = topLogprobs;
  }

  /** Nothing comes before the first token, so it has no score. */
  get isComplete(): boolean {
    return this.#scores.length >= this.#promptTokenIds.length - 1;
  }

  /** One for each token from the second on, as far as they are known. */
  get scores(): readonly TokenLogprobs[] {
    return this.#scores;
  }

  /**
   * Takes the logits after the positions from `start` on; those that are known already are passed over.
   * @param ranked working memory
   * @throws BrokenLogitsError
   */
  add(start: number, rows: readonly TokenLogits[], ranked: RankedTokens): void {
    for (let row = this.#scores.length - start; row < rows.length && !this.isComplete; row++) {
      const logits = rows[row];
      if (!(logits instanceof Float32Array)) {
        throw new Error('The model runner left out logits of a prompt to be scored. This is a bug.');
      }
      const tokenId = this.#promptTokenIds[this.#scores.length + 1]!;
      this.#scores.push(tokenLogprobs(logits, tokenId, this.#topLogprobs, ranked));
    }
  }
}
