import type { ModelRunner } from '../ports/model-runner.port.js';
import type { Sequence } from '../sequence/sequence.js';
import { BlockPool, type KnownPrefix } from './block-pool.js';
import { reusableTokens } from './coming-block.js';

/** Where a sequence's tokens are, and how they came there. */
export interface Place {
  slot: number;
  /** Its first tokens that were prefilled, as was all before them: only these are the same bits for everyone. */
  pureTokens: number;
  /** The first of its blocks that it may have brought to the store itself; null while it has brought none. */
  firstKeptBlock: number | null;
}

/** Beginnings of texts that were computed once, for other sequences to start from. */
export class PrefixCache {
  readonly #runner: ModelRunner;
  readonly #blockTokens: number;
  readonly #pool: BlockPool;

  constructor(runner: ModelRunner) {
    this.#runner = runner;
    this.#blockTokens = runner.info.blockTokens;
    this.#pool = new BlockPool(runner.info.blocks, this.#blockTokens);
  }

  /**
   * Copies the known blocks that follow a sequence's tokens to its slot; returns their tokens. A deterministic one
   * takes only what prefilling would give it.
   * @param reserve asked for room for so many tokens before each copy
   */
  reuse(sequence: Sequence, place: Place, reserve: (tokens: number) => boolean): number {
    const start = sequence.processedTokens / this.#blockTokens;
    if (!Number.isInteger(start)) return 0;
    const { blocks, pureBlocks } = this.#pool.find(textOf(sequence), reusableTokens(sequence));
    const end = sequence.request.deterministic ? pureBlocks : blocks.length;
    let index = start;
    for (; index < end && reserve((index + 1) * this.#blockTokens); index++) {
      this.#runner.loadBlock(blocks[index]!, place.slot, index * this.#blockTokens);
    }
    blocks.forEach((block) => this.#pool.hold(block));
    this.#releaseAll(blocks);
    const reused = Math.max(0, index - start) * this.#blockTokens;
    if (place.pureTokens === sequence.processedTokens) {
      place.pureTokens = Math.max(place.pureTokens, Math.min(index, pureBlocks) * this.#blockTokens);
    }
    return reused;
  }

  /**
   * Takes what is new among the blocks of a sequence's first tokens, all of them processed, into the store. What finds no
   * room beside the text itself is left out.
   */
  keep(sequence: Sequence, place: Place, tokenIds: Int32Array): void {
    const text = { salt: sequence.request.cacheSalt, tokenIds };
    const known = this.#pool.find(text, tokenIds.length);
    known.blocks.forEach((block) => this.#pool.hold(block));
    const { blocks, pureTokens } = this.#saveNew(place, known, tokenIds.length);
    const replaced = known.blocks.filter((block, index) => block !== blocks[index]);
    const whole = { ...text, tokenIds: tokenIds.subarray(0, blocks.length * this.#blockTokens) };
    this.#pool.publish(whole, blocks, pureTokens);
    this.#releaseAll([...blocks, ...replaced]);
  }

  /** Gives up what a sequence brought to the store, since it turned out to be wrong. */
  forget(sequence: Sequence, { firstKeptBlock }: Place): void {
    if (firstKeptBlock === null) return;
    const { blocks } = this.#pool.find(textOf(sequence), (firstKeptBlock + 1) * this.#blockTokens);
    const block = blocks[firstKeptBlock];
    if (block !== undefined) this.#pool.forget(block);
  }

  inspect() {
    return this.#pool.inspect().prefixBlocks;
  }

  /** Saves what is unknown of a text, or known only as decoded but prefilled here, as far as there is room. */
  #saveNew(place: Place, known: KnownPrefix, tokens: number) {
    const blocks = [...known.blocks];
    let { pureTokens } = place;
    for (let end = this.#blockTokens; end <= tokens; end += this.#blockTokens) {
      const index = end / this.#blockTokens - 1;
      const isKnown = index < known.blocks.length;
      if (isKnown && (index < known.pureBlocks || end > pureTokens)) continue;
      const block = this.#pool.acquire();
      if (block === undefined) {
        pureTokens = Math.min(pureTokens, end - this.#blockTokens);
        break;
      }
      place.firstKeptBlock = Math.min(index, place.firstKeptBlock ?? index);
      this.#runner.saveBlock(place.slot, end - this.#blockTokens, block);
      blocks[index] = block;
    }
    return { blocks, pureTokens };
  }

  /** From the end to the start, so that the store gives up ends of texts before their beginnings. */
  #releaseAll(blocks: readonly number[]): void {
    for (const block of blocks.toReversed()) this.#pool.release(block);
  }
}

/** The part of a sequence that is looked up: what runs in chunks. */
function textOf({ request, prefillTokenIds }: Sequence) {
  return { salt: request.cacheSalt, tokenIds: prefillTokenIds };
}
