import type { BlockTableSnapshot } from '../ports/cache-snapshot.js';
import type { BlockCopy } from '../ports/paged-runner.port.js';
import type { BlockPool, KnownPrefix, KnownTail } from './block-pool.js';
import type { PrefixText } from './prefix-tree.js';

/**
 * The blocks of one sequence, in the order of its tokens. Only the sequence that has acquired a block writes to it: it
 * moves on behind all that others may have come to share. One that shares it writes into a copy, which is made before
 * the next run.
 */
export class BlockTable {
  readonly #pool: BlockPool;
  readonly #blocks: number[] = [];
  /** Those among them that it may write to. */
  readonly #own = new Set<number>();
  /** Its source is held until it is made. */
  #copy: BlockCopy | null = null;
  #pureTokens = 0;

  constructor(pool: BlockPool) {
    this.#pool = pool;
  }

  get size(): number {
    return this.#blocks.length;
  }

  /** Its first tokens that were prefilled in exact steps: only these are the same bits for everyone. */
  get pureTokens(): number {
    return this.#pureTokens;
  }

  /** What is to be copied into one of its blocks before the next run. */
  get copy(): BlockCopy | null {
    return this.#copy;
  }

  /** The blocks of its first `tokens` tokens. */
  covering(tokens: number): readonly number[] {
    return this.#blocks.slice(0, Math.ceil(tokens / this.#pool.blockTokens));
  }

  /** Makes room to write from token `start` up to `end`; false, and nothing has changed, where the pool has none. */
  grow(start: number, end: number): boolean {
    const { available, blockTokens } = this.#pool;
    const missing = Math.max(0, Math.ceil(end / blockTokens) - this.size);
    if (missing > available || !this.#makeWritable(start, available > missing)) return false;
    for (let i = 0; i < missing; i++) this.#blocks.push(this.#acquire());
    return true;
  }

  /**
   * Takes in what is known behind its first `start` tokens, whole blocks, and then the tail; where all must be
   * repeatable, what is pure. Returns where its tokens end now.
   */
  share(
    { blocks, pureBlocks }: KnownPrefix,
    tail: KnownTail | null,
    { start, repeatable }: { readonly start: number; readonly repeatable: boolean },
  ): number {
    const { blockTokens } = this.#pool;
    const count = repeatable ? pureBlocks : blocks.length;
    const first = start / blockTokens;
    if (count < first) return start;
    for (let index = first; index < count; index++) this.#hold(index, blocks[index]!);
    const isTailUsable = count === blocks.length && (tail?.isPure === true || !repeatable);
    const usable = isTailUsable ? tail : null;
    if (usable !== null) this.#hold(count, usable.block);
    const end = count * blockTokens + (usable?.tokens ?? 0);
    const pureEnd = usable?.isPure === true ? end : Math.min(count, pureBlocks) * blockTokens;
    if (this.#pureTokens === start) this.#pureTokens = Math.max(start, pureEnd);
    return end;
  }

  /** A chunk from token `start` up to `end` has run, in an exact step. */
  prefilled(start: number, end: number): void {
    if (this.#pureTokens === start) this.#pureTokens = end;
  }

  /** Makes known what its first tokens are, all of which have run or were shared. */
  publish({ salt, tokenIds }: PrefixText): void {
    const ready =
      this.#copy === null ? this.size : this.#blocks.findIndex((block) => block === this.#copy?.to);
    const text = { salt, tokenIds: tokenIds.subarray(0, ready * this.#pool.blockTokens) };
    this.#pool.publish(text, this.#blocks, this.#pureTokens);
  }

  copied(): void {
    if (this.#copy !== null) this.#pool.release(this.#copy.from);
    this.#copy = null;
  }

  /** Gives up what the sequence has made known, since it turned out to be wrong. */
  forgetOwn(): void {
    for (const block of this.#own) this.#pool.forget(block);
  }

  /** The end goes first: so the pool gives up ends of texts before their beginnings. */
  release(): void {
    this.copied();
    for (const block of this.#blocks.toReversed()) this.#pool.release(block);
    this.#blocks.length = 0;
  }

  inspect(): BlockTableSnapshot {
    return { blocks: [...this.#blocks], copySource: this.#copy?.from ?? null };
  }

  /** Where a shared block lies in the way, copies it or, if nobody else holds it, takes it over. */
  #makeWritable(position: number, hasSpare: boolean): boolean {
    const { blockTokens } = this.#pool;
    const index = Math.floor(position / blockTokens);
    const block = this.#blocks[index];
    if (block === undefined || this.#own.has(block)) return true;
    const published = this.#pool.publishedTokens(block);
    // What a tail held will be published again; behind a whole block others may go on.
    const isWorthKeeping = published === blockTokens && hasSpare;
    if (this.#pool.references(block) === 1 && !isWorthKeeping) {
      if (published > position % blockTokens) this.#pool.forget(block);
      this.#own.add(block);
      return true;
    }
    if (!hasSpare) return false;
    const to = this.#acquire();
    this.#blocks[index] = to;
    this.#copy = { from: block, to };
    return true;
  }

  #acquire(): number {
    const block = this.#pool.acquire();
    if (block === undefined)
      throw new Error('The block pool has fewer blocks than it counts. This is a bug.');
    this.#own.add(block);
    return block;
  }

  /** In the place of an empty block, where there is one. */
  #hold(index: number, block: number): void {
    this.#pool.hold(block);
    const empty = this.#blocks[index];
    if (empty !== undefined) this.#drop(empty);
    this.#blocks[index] = block;
  }

  #drop(block: number): void {
    this.#own.delete(block);
    this.#pool.release(block);
  }
}
