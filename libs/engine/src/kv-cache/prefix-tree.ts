import type { PrefixBlockSnapshot } from '../ports/cache-snapshot.js';

/** A text whose beginning is looked up or published. */
export interface PrefixText {
  /** Texts of different salts share nothing. */
  readonly salt: string;
  readonly tokenIds: Int32Array;
}

/** What a block holds: its own tokens, behind those of all nodes above it. */
export interface PrefixNode {
  /** Null for the root of a salt, which holds no tokens. */
  readonly parent: PrefixNode | null;
  /** Its tokens, as `keyOf` spells them; fewer than a block's where the text ended there. */
  readonly key: string;
  block: number;
  /** Computed, as was all before it, in a way that gives the same bits to everyone. */
  isPure: boolean;
  readonly children: Map<string, PrefixNode>;
}

const NO_BLOCK = -1;
/** Characters of a key for each token. */
const TOKEN_CHARS = Int32Array.BYTES_PER_ELEMENT;

/**
 * Which block holds which tokens: a tree for each salt, each edge the tokens of one block. The tokens themselves are the
 * keys, so that no collision can hand one tenant what another computed.
 */
export class PrefixTree {
  readonly #blockTokens: number;
  readonly #roots = new Map<string, PrefixNode>();
  readonly #byBlock = new Map<number, PrefixNode>();

  constructor(blockTokens: number) {
    this.#blockTokens = blockTokens;
  }

  /** The longest known beginning of a text, at most `maxBlocks` whole blocks. */
  walk(text: PrefixText, maxBlocks: number): PrefixNode[] {
    const path: PrefixNode[] = [];
    const most = Math.min(maxBlocks, Math.floor(text.tokenIds.length / this.#blockTokens));
    let node = this.#roots.get(text.salt);
    while (path.length < most) {
      node = node?.children.get(this.keyOf(text, path.length));
      if (node === undefined) break;
      path.push(node);
    }
    return path;
  }

  /** The block behind `path` that shares the most tokens with the text, and how many. */
  nearest(text: PrefixText, path: readonly PrefixNode[]): { node: PrefixNode; tokens: number } | null {
    const parent = path.at(-1) ?? this.#roots.get(text.salt);
    const key = this.keyOf(text, path.length);
    let nearest: PrefixNode | null = null;
    let most = 0;
    for (const child of parent?.children.values() ?? []) {
      const tokens = commonTokens(child.key, key);
      if (tokens <= most) continue;
      nearest = child;
      most = tokens;
    }
    return nearest === null ? null : { node: nearest, tokens: most };
  }

  /** The root of a salt; it is remembered once it has children, since salts come from outside and without end. */
  rootOf(salt: string): PrefixNode {
    const fresh = { parent: null, key: salt, block: NO_BLOCK, isPure: true, children: new Map() };
    return this.#roots.get(salt) ?? fresh;
  }

  add(parent: PrefixNode, key: string, block: number, isPure: boolean): PrefixNode {
    const node = { parent, key, block, isPure, children: new Map<string, PrefixNode>() };
    parent.children.set(key, node);
    this.#byBlock.set(block, node);
    if (parent.parent === null) this.#roots.set(parent.key, parent);
    return node;
  }

  /** Lets another block hold a node's tokens. */
  replaceBlock(node: PrefixNode, block: number): void {
    this.#byBlock.delete(node.block);
    this.#byBlock.set(block, node);
    node.block = block;
  }

  /** Takes a node and all that follow it out of the tree; returns their blocks, the last ones first. */
  remove(node: PrefixNode): number[] {
    const blocks = [...node.children.values()].flatMap((child) => this.remove(child));
    const { parent } = node;
    this.#byBlock.delete(node.block);
    parent?.children.delete(node.key);
    if (parent?.parent === null && parent.children.size === 0) this.#roots.delete(parent.key);
    return [...blocks, node.block];
  }

  nodeOf(block: number): PrefixNode | undefined {
    return this.#byBlock.get(block);
  }

  /** Tokens that a block is known to hold, its first ones. */
  tokensIn(block: number): number {
    return (this.nodeOf(block)?.key.length ?? 0) / TOKEN_CHARS;
  }

  /** Exact: one character for each byte of the tokens of block `index`, as far as the text goes. */
  keyOf({ tokenIds }: PrefixText, index: number): string {
    const start = index * this.#blockTokens;
    const { buffer, byteOffset, byteLength } = tokenIds.subarray(start, start + this.#blockTokens);
    return Buffer.from(buffer, byteOffset, byteLength).toString('latin1');
  }

  inspect(): PrefixBlockSnapshot[] {
    return Array.from(this.#byBlock.values(), ({ block, parent, isPure }) => ({
      block,
      parentBlock: parent === null || parent.block === NO_BLOCK ? null : parent.block,
      isPure,
    }));
  }
}

function commonTokens(a: string, b: string): number {
  const most = Math.min(a.length, b.length);
  let chars = 0;
  while (chars < most && a.charCodeAt(chars) === b.charCodeAt(chars)) chars += 1;
  return Math.floor(chars / TOKEN_CHARS);
}
