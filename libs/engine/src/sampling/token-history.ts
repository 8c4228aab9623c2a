import type { SamplingParams } from './sampling-params.js';

/** Which tokens a sequence holds, kept only as far as its penalties ask for it. */
export class TokenHistory {
  /** Distinct tokens of prompt and generated text; empty without a repetition penalty. */
  readonly seen = new Set<number>();
  /** How often each token was generated; empty without presence and frequency penalties. */
  readonly generatedCounts = new Map<number, number>();
  readonly #keepsSeen: boolean;
  readonly #keepsCounts: boolean;

  constructor(promptTokenIds: Int32Array, params: SamplingParams) {
    this.#keepsSeen = params.repetitionPenalty !== 1;
    this.#keepsCounts = params.presencePenalty !== 0 || params.frequencyPenalty !== 0;
    if (this.#keepsSeen) for (const id of promptTokenIds) this.seen.add(id);
  }

  add(tokenId: number): void {
    if (this.#keepsSeen) this.seen.add(tokenId);
    if (this.#keepsCounts) {
      this.generatedCounts.set(tokenId, (this.generatedCounts.get(tokenId) ?? 0) + 1);
    }
  }
}
