import type { ModelRunner } from '../ports/model-runner.port.js';
import type { StepPlan } from '../scheduling/plan-step.js';
import type { Sequence } from '../sequence/sequence.js';
import { PrefixIndex } from './prefix-index.js';

/** Where a sequence's tokens are, and how they came there. */
export interface Place {
  slot: number;
  /** Its first tokens that were prefilled, as was all before them: only these are the same bits for everyone. */
  pureTokens: number;
  /** The first of its blocks that it may have brought to the store itself; null while it has brought none. */
  firstKeptBlock: number | null;
}

type Chunks = StepPlan<Sequence>['chunks'];

/** Tokens of a prompt that run however much of it is known: the last one's logits are wanted, and a lone one is slow. */
const TOKENS_LEFT_TO_RUN = 2;

/** Beginnings of texts that were computed once, for other sequences to start from. */
export class PrefixCache {
  readonly #runner: ModelRunner;
  readonly #blockTokens: number;
  readonly #index: PrefixIndex;

  constructor(runner: ModelRunner) {
    this.#runner = runner;
    this.#blockTokens = runner.info.blockTokens;
    this.#index = new PrefixIndex(runner.info.blocks, this.#blockTokens);
  }

  /**
   * Copies the known blocks that follow a sequence's tokens to its slot; returns their tokens. A deterministic one
   * takes only what prefilling would give it.
   * @param reserve asked for room for so many tokens before each copy
   */
  reuse(sequence: Sequence, place: Place, reserve: (tokens: number) => boolean): number {
    const start = sequence.processedTokens / this.#blockTokens;
    const most = this.#reusableBlocks(sequence);
    if (!Number.isInteger(start) || start >= most) return 0;
    const { blocks, pure } = this.#index.find(textOf(sequence), most);
    const end = sequence.request.deterministic ? pure : blocks.length;
    let index = start;
    for (; index < end && reserve((index + 1) * this.#blockTokens); index++) {
      this.#runner.loadBlock(blocks[index]!, place.slot, index * this.#blockTokens);
    }
    const reused = Math.max(0, index - start) * this.#blockTokens;
    if (place.pureTokens === sequence.processedTokens) {
      place.pureTokens = Math.max(place.pureTokens, Math.min(index, pure) * this.#blockTokens);
    }
    return reused;
  }

  /** True where a chunk computes the block that follows the sequence's tokens, in a way that it may reuse. */
  isComing(sequence: Sequence, chunks: Chunks, placeOf: (sequence: Sequence) => Place): boolean {
    const start = sequence.processedTokens;
    const end = start + this.#blockTokens;
    if (start % this.#blockTokens !== 0 || end > this.#reusableBlocks(sequence) * this.#blockTokens)
      return false;
    return chunks.some(({ sequence: other, tokenCount }) => {
      const from = other.processedTokens;
      if (from >= end || from + tokenCount < end) return false;
      if (sequence.request.deterministic && placeOf(other).pureTokens < from) return false;
      return sharesStart(sequence, other, end);
    });
  }

  /** Takes what is new among the blocks of a sequence's first tokens, all of them processed, into the store. */
  keep(sequence: Sequence, place: Place, tokenIds: Int32Array): void {
    const blockCount = Math.floor(tokenIds.length / this.#blockTokens);
    const pureBlocks = Math.floor(place.pureTokens / this.#blockTokens);
    const text = { salt: sequence.request.cacheSalt, tokenIds };
    this.#index.keep(text, { blockCount, pureBlocks }, (index, block) => {
      place.firstKeptBlock = Math.min(index, place.firstKeptBlock ?? index);
      this.#runner.saveBlock(place.slot, index * this.#blockTokens, block);
    });
  }

  /** Gives up what a sequence brought to the store, since it turned out to be wrong. */
  forget(sequence: Sequence, { firstKeptBlock }: Place): void {
    if (firstKeptBlock !== null) this.#index.forget(textOf(sequence), firstKeptBlock);
  }

  inspect() {
    return this.#index.inspect();
  }

  #reusableBlocks({ prefillTokens }: Sequence): number {
    return Math.floor((prefillTokens - TOKENS_LEFT_TO_RUN) / this.#blockTokens);
  }
}

/** The part of a sequence that is looked up: what runs in chunks. */
function textOf({ request, prefillTokenIds }: Sequence) {
  return { salt: request.cacheSalt, tokenIds: prefillTokenIds };
}

function sharesStart(a: Sequence, b: Sequence, tokens: number): boolean {
  if (a.request.cacheSalt !== b.request.cacheSalt || b.prefillTokens < tokens) return false;
  for (let i = 0; i < tokens; i++) {
    if (a.prefillTokenIds[i] !== b.prefillTokenIds[i]) return false;
  }
  return true;
}
