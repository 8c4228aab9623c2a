import type { PrefixBlockSnapshot } from '../ports/cache-snapshot.js';

/** A text whose beginning is looked up or kept. */
export interface PrefixText {
  /** Texts of different salts share nothing. */
  readonly salt: string;
  readonly tokenIds: Int32Array;
}

interface PrefixNode {
  /** Null for the root of a salt, which holds no tokens. */
  readonly parent: PrefixNode | null;
  readonly key: string;
  readonly block: number;
  readonly children: Map<string, PrefixNode>;
  /** Prefilled, and so was all before it. */
  isPure: boolean;
}

const NO_BLOCK = -1;

/**
 * Which block of the store holds which tokens: a tree for each salt, each edge the tokens of one block. The tokens
 * themselves are the keys, so that no collision can hand one tenant what another computed. A full store gives up its
 * least recently used block; a text is used from its end to its start, so that this is always the end of a text.
 */
export class PrefixIndex {
  readonly #blockTokens: number;
  readonly #freeBlocks: number[];
  readonly #roots = new Map<string, PrefixNode>();
  /** Least recently used first. */
  readonly #used = new Set<PrefixNode>();

  constructor(blocks: number, blockTokens: number) {
    this.#blockTokens = blockTokens;
    this.#freeBlocks = Array.from({ length: blocks }, (_, index) => blocks - 1 - index);
  }

  /** The blocks that hold the longest known beginning of a text, at most `maxBlocks`, and how many of them are pure. */
  find(text: PrefixText, maxBlocks: number): { readonly blocks: readonly number[]; readonly pure: number } {
    const path = this.#walk(text, maxBlocks);
    this.#use(path);
    return { blocks: path.map(({ block }) => block), pure: path.filter(({ isPure }) => isPure).length };
  }

  /**
   * Takes in the first `blockCount` blocks of a text, `pureBlocks` of them pure. `save` is called for each one that has
   * to be copied to the store. What finds no room beside the text itself is left out.
   */
  keep(
    text: PrefixText,
    { blockCount, pureBlocks }: { readonly blockCount: number; readonly pureBlocks: number },
    save: (index: number, block: number) => void,
  ): void {
    const path: PrefixNode[] = [];
    const root = this.#rootOf(text.salt);
    let parent = root;
    while (path.length < blockCount) {
      const index = path.length;
      const isPure = index < pureBlocks;
      const key = this.#keyOf(text, index);
      const known = parent.children.get(key);
      const node = known ?? this.#add(parent, key, path);
      if (node === null) break;
      if (known === undefined || (isPure && !known.isPure)) save(index, node.block);
      node.isPure ||= isPure;
      path.push(node);
      parent = node;
    }
    this.#use(path);
    this.#rememberRoot(root);
  }

  /** Gives up block `index` of a text and all that follows it. */
  forget(text: PrefixText, index: number): void {
    const node = this.#walk(text, index + 1)[index];
    if (node !== undefined) this.#remove(node);
  }

  inspect(): PrefixBlockSnapshot[] {
    return [...this.#used].map(({ block, parent, isPure }) => ({
      block,
      parentBlock: parent === null || parent.block === NO_BLOCK ? null : parent.block,
      isPure,
    }));
  }

  #walk(text: PrefixText, maxBlocks: number): PrefixNode[] {
    const path: PrefixNode[] = [];
    const most = Math.min(maxBlocks, Math.floor(text.tokenIds.length / this.#blockTokens));
    let node = this.#roots.get(text.salt);
    while (path.length < most) {
      node = node?.children.get(this.#keyOf(text, path.length));
      if (node === undefined) break;
      path.push(node);
    }
    return path;
  }

  #add(parent: PrefixNode, key: string, path: readonly PrefixNode[]): PrefixNode | null {
    if (this.#freeBlocks.length === 0) this.#evict(path);
    const block = this.#freeBlocks.pop();
    if (block === undefined) return null;
    const node = { parent, key, block, children: new Map<string, PrefixNode>(), isPure: false };
    parent.children.set(key, node);
    this.#used.add(node);
    return node;
  }

  /** Frees a block, unless all of them belong to `path`. */
  #evict(path: readonly PrefixNode[]): void {
    this.#use(path);
    const [oldest] = this.#used;
    if (oldest !== undefined && !path.includes(oldest)) this.#remove(oldest);
  }

  #remove(node: PrefixNode): void {
    for (const child of node.children.values()) this.#remove(child);
    this.#used.delete(node);
    this.#freeBlocks.push(node.block);
    node.parent?.children.delete(node.key);
    if (node.parent?.parent === null) this.#rememberRoot(node.parent);
  }

  #use(path: readonly PrefixNode[]): void {
    for (const node of path.toReversed()) {
      this.#used.delete(node);
      this.#used.add(node);
    }
  }

  #rootOf(salt: string): PrefixNode {
    const fresh = { parent: null, key: salt, block: NO_BLOCK, children: new Map(), isPure: true };
    return this.#roots.get(salt) ?? fresh;
  }

  /** Salts come from outside and without end: one without blocks is not remembered. */
  #rememberRoot(root: PrefixNode): void {
    if (root.children.size === 0) this.#roots.delete(root.key);
    else this.#roots.set(root.key, root);
  }

  /** Exact: one character for each byte of the tokens. */
  #keyOf({ tokenIds }: PrefixText, index: number): string {
    const bytes = this.#blockTokens * tokenIds.BYTES_PER_ELEMENT;
    return Buffer.from(tokenIds.buffer, tokenIds.byteOffset + index * bytes, bytes).toString('latin1');
  }
}
