import type { KvCache } from './kv-cache.js';

/** Even, as a prompt is run in whole tiles. */
export const BLOCK_TOKENS = 32;

/**
 * Copies of runs of `BLOCK_TOKENS` tokens, outside the rows of the cache: one virtual buffer [blocks, bytes of a
 * block], which takes memory as blocks are first written.
 */
export class BlockStore {
  readonly blocks: number;
  readonly #cache: KvCache;
  readonly #blockBytes: number;
  readonly #bytes: Buffer;
  readonly #written = new Set<number>();

  /** @param maxBytes what the store may take at most; it holds as many whole blocks as fit */
  constructor(cache: KvCache, tokenBytes: number, maxBytes: number) {
    this.#cache = cache;
    this.#blockBytes = tokenBytes * BLOCK_TOKENS;
    this.blocks = Math.floor(maxBytes / this.#blockBytes);
    this.#bytes = Buffer.from(new ArrayBuffer(this.blocks * this.#blockBytes));
  }

  save(row: number, startToken: number, block: number): void {
    this.#check(block);
    this.#cache.save(row, startToken, BLOCK_TOKENS, this.#bytes, block * this.#blockBytes);
    this.#written.add(block);
  }

  load(block: number, row: number, startToken: number): void {
    this.#check(block);
    if (!this.#written.has(block)) throw new RangeError(`Block ${block} was never saved.`);
    this.#cache.load(this.#bytes, block * this.#blockBytes, row, startToken, BLOCK_TOKENS);
  }

  #check(block: number): void {
    if (Number.isInteger(block) && block >= 0 && block < this.blocks) return;
    throw new RangeError(`Block ${block} is not one of the ${this.blocks} blocks of the store.`);
  }
}
