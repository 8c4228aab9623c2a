import type { BlockCacheSnapshot } from '../ports/cache-snapshot.js';
import { PrefixTree, type PrefixNode, type PrefixText } from './prefix-tree.js';

/** The known beginning of a text, in whole blocks. */
export interface KnownPrefix {
  readonly blocks: readonly number[];
  /** How many of them, the first ones, are pure: the same bits for everyone. */
  readonly pureBlocks: number;
}

/** A block whose first tokens go on where the known beginning of a text ends. */
export interface KnownTail {
  readonly block: number;
  readonly tokens: number;
  readonly isPure: boolean;
}

/**
 * Who holds which block, and what it is known to hold. A block is free, held, or cached: held by nobody, but known to
 * hold the tokens of a text that may come again. A text is released from its end to its start, so that what is
 * given up first, the least recently released block, is the end of a text.
 */
export class BlockPool {
  readonly blockTokens: number;
  readonly #references: number[];
  readonly #free: number[];
  /** Least recently released first. */
  readonly #cached = new Set<number>();
  readonly #tree: PrefixTree;

  constructor(blocks: number, blockTokens: number) {
    this.blockTokens = blockTokens;
    this.#references = Array.from({ length: blocks }, () => 0);
    this.#free = Array.from({ length: blocks }, (_, index) => blocks - 1 - index);
    this.#tree = new PrefixTree(blockTokens);
  }

  /** Blocks that can be had. */
  get available(): number {
    return this.#free.length + this.#cached.size;
  }

  /** A block that its caller alone holds, its content of no meaning; undefined where all are held. */
  acquire(): number | undefined {
    if (this.#free.length === 0) {
      const [oldest] = this.#cached;
      if (oldest !== undefined) this.forget(oldest);
    }
    const block = this.#free.pop();
    if (block !== undefined) this.#references[block] = 1;
    return block;
  }

  hold(block: number): void {
    if (this.references(block) === 0 && !this.#cached.delete(block)) {
      throw new Error(`Block ${block} is held, but holds nothing. This is a bug.`);
    }
    this.#references[block]! += 1;
  }

  release(block: number): void {
    if (this.references(block) === 0)
      throw new Error(`Block ${block} is released but not held. This is a bug.`);
    this.#references[block]! -= 1;
    if (this.references(block) > 0) return;
    if (this.#tree.nodeOf(block) === undefined) this.#free.push(block);
    else this.#cached.add(block);
  }

  references(block: number): number {
    return this.#references[block] ?? 0;
  }

  /** How many tokens of a block, its first ones, others may count on once they are published. */
  publishedTokens(block: number): number {
    return this.#tree.tokensIn(block);
  }

  /** What is known of a text's first `maxTokens` tokens. */
  find(text: PrefixText, maxTokens: number): KnownPrefix {
    const path = this.#tree.walk(text, Math.floor(maxTokens / this.blockTokens));
    return {
      blocks: path.map(({ block }) => block),
      pureBlocks: path.filter(({ isPure }) => isPure).length,
    };
  }

  /** What follows the known beginning within the first `maxTokens` tokens; an even number, since kernels take pairs. */
  findTail(text: PrefixText, maxTokens: number): KnownTail | null {
    const path = this.#tree.walk(text, Math.floor(maxTokens / this.blockTokens));
    const nearest = this.#tree.nearest(text, path);
    if (nearest === null) return null;
    const most = maxTokens - path.length * this.blockTokens;
    const tokens = evenFloor(Math.min(nearest.tokens, most));
    const { block, isPure } = nearest.node;
    return tokens > 0 ? { block, tokens, isPure } : null;
  }

  /**
   * Makes the tokens of a text known that `blocks`, all of them held, contain; a last lone token is left out. Where
   * another block is known for the same tokens it stays, unless only the new one is pure.
   * @param pureTokens how many of the tokens, the first ones, are pure
   */
  publish(text: PrefixText, blocks: readonly number[], pureTokens: number): void {
    const paired = { ...text, tokenIds: text.tokenIds.subarray(0, evenFloor(text.tokenIds.length)) };
    const { length } = paired.tokenIds;
    let parent: PrefixNode | null = this.#tree.rootOf(text.salt);
    for (let index = 0; parent !== null && index * this.blockTokens < length; index++) {
      const isPure = Math.min((index + 1) * this.blockTokens, length) <= pureTokens;
      parent = this.#put(parent, this.#tree.keyOf(paired, index), blocks[index]!, isPure);
    }
  }

  /** What a block holds, and all that follows it, is known no longer. */
  forget(block: number): void {
    const node = this.#tree.nodeOf(block);
    for (const removed of node === undefined ? [] : this.#tree.remove(node)) this.#freeIfCached(removed);
  }

  inspect(): Pick<BlockCacheSnapshot, 'references' | 'free' | 'cached' | 'prefixBlocks'> {
    return {
      references: [...this.#references],
      free: [...this.#free],
      cached: [...this.#cached],
      prefixBlocks: this.#tree.inspect(),
    };
  }

  /** Null where the block is known already for a text that goes on in it. */
  #put(parent: PrefixNode, key: string, block: number, isPure: boolean): PrefixNode | null {
    const known = parent.children.get(key);
    if (known?.block === block) known.isPure ||= isPure;
    if (known !== undefined && (known.block === block || known.isPure || !isPure)) return known;
    const before = this.#tree.nodeOf(block);
    if (before !== undefined && before.key.length > key.length) return null;
    this.forget(block);
    if (known === undefined) return this.#tree.add(parent, key, block, isPure);
    const { block: replaced } = known;
    this.#tree.replaceBlock(known, block);
    known.isPure = true;
    this.#freeIfCached(replaced);
    return known;
  }

  #freeIfCached(block: number): void {
    if (this.#cached.delete(block)) this.#free.push(block);
  }
}

function evenFloor(tokens: number): number {
  return tokens - (tokens % 2);
}
