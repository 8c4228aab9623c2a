import type { TokenLogits } from '../ports/token-logits.js';
import type { RankedTokens } from '../sampling/rank-tokens.js';
import { tokenLogprobs, type TokenLogprobs } from '../sampling/token-logprobs.js';

/** Log probabilities of a token of a prompt; null for the first one, which nothing comes before. */
export interface PromptTokenLogprobs extends Pick<TokenLogprobs, 'tokenId' | 'top'> {
  readonly logprob: number | null;
}

/**
 * How probable the model holds each token of a prompt, given those before it. They come chunk by chunk, with the logits
 * of every position of a chunk, and survive a preemption.
 */
export class PromptScores {
  readonly #promptTokenIds: Int32Array;
  readonly #topLogprobs: number;
  readonly #scores: PromptTokenLogprobs[];

  /** @param topLogprobs how many of the best tokens are told beside each */
  constructor(promptTokenIds: Int32Array, topLogprobs: number) {
    this.#promptTokenIds = promptTokenIds;
    this.#topLogprobs = topLogprobs;
    this.#scores = Array.from(promptTokenIds.subarray(0, 1), (tokenId) => ({
      tokenId,
      logprob: null,
      top: [],
    }));
  }

  get isComplete(): boolean {
    return this.#scores.length === this.#promptTokenIds.length;
  }

  /** One for each token, as far as they are known. */
  get scores(): readonly PromptTokenLogprobs[] {
    return this.#scores;
  }

  /**
   * Takes the logits after the positions from `start` on; those that are known already are passed over.
   * @param ranked working memory
   * @throws BrokenLogitsError
   */
  add(start: number, rows: readonly TokenLogits[], ranked: RankedTokens): void {
    for (let row = this.#scores.length - 1 - start; row < rows.length && !this.isComplete; row++) {
      const logits = rows[row];
      if (!(logits instanceof Float32Array)) {
        throw new Error('The model runner left out logits of a prompt to be scored. This is a bug.');
      }
      const tokenId = this.#promptTokenIds[this.#scores.length]!;
      this.#scores.push(tokenLogprobs(logits, tokenId, this.#topLogprobs, ranked));
    }
  }
}
