/**
 * A vocabulary's tokens by their bytes, as a tree laid out depth first: a walk that leaves a branch jumps to `skipTo`.
 */
export interface TokenTrie {
  /** Logits of a position: ids from 0 to here. */
  readonly vocabSize: number;
  /** Bytes. */
  readonly longestToken: number;
  readonly byte: Uint8Array;
  /** Of the node's byte in its tokens, from 0. */
  readonly depth: Uint16Array;
  /** First node after the branch. */
  readonly skipTo: Int32Array;
  /** Token that ends here; -1 for none. */
  readonly token: Int32Array;
  /** Another token of the same bytes, by token; -1 for none. */
  readonly sameBytes: Int32Array;
  /** First node of each first byte; -1 for none. */
  readonly roots: Int32Array;
}

/** @param bytesOf each token; null for control tokens, which no text contains */
export function buildTokenTrie(bytesOf: readonly (Uint8Array | null)[]): TokenTrie {
  const tokens = bytesOf
    .flatMap((bytes, id) => (bytes === null || bytes.length === 0 ? [] : [{ id, bytes: Buffer.from(bytes) }]))
    .toSorted((a, b) => Buffer.compare(a.bytes, b.bytes));
  const nodes = countNodes(tokens);
  const trie: TokenTrie = {
    vocabSize: bytesOf.length,
    longestToken: tokens.reduce((longest, { bytes }) => Math.max(longest, bytes.length), 0),
    byte: new Uint8Array(nodes),
    depth: new Uint16Array(nodes),
    skipTo: new Int32Array(nodes),
    token: new Int32Array(nodes).fill(-1),
    sameBytes: new Int32Array(bytesOf.length).fill(-1),
    roots: new Int32Array(256).fill(-1),
  };
  fill(trie, tokens);
  return trie;
}

interface Token {
  readonly id: number;
  readonly bytes: Buffer;
}

function countNodes(tokens: readonly Token[]): number {
  let nodes = 0;
  let last: Buffer = Buffer.alloc(0);
  for (const { bytes } of tokens) {
    nodes += bytes.length - commonLength(last, bytes);
    last = bytes;
  }
  return nodes;
}

function fill(trie: TokenTrie, tokens: readonly Token[]): void {
  const path: number[] = [];
  let last: Buffer = Buffer.alloc(0);
  let next = 0;
  const close = (length: number): void => {
    while (path.length > length) trie.skipTo[path.pop() ?? 0] = next;
  };
  for (const { id, bytes } of tokens) {
    close(commonLength(last, bytes));
    for (let depth = path.length; depth < bytes.length; depth += 1) {
      const byte = bytes[depth] ?? 0;
      trie.byte[next] = byte;
      trie.depth[next] = depth;
      if (depth === 0) trie.roots[byte] = next;
      path.push(next++);
    }
    const node = path.at(-1) ?? 0;
    trie.sameBytes[id] = trie.token[node] ?? -1;
    trie.token[node] = id;
    last = bytes;
  }
  close(0);
}

function commonLength(a: Buffer, b: Buffer): number {
  const most = Math.min(a.length, b.length);
  let length = 0;
  while (length < most && a[length] === b[length]) length += 1;
  return length;
}

/** Above all first bytes. */
export const ROOT = -1;

/** First node after the branch of a node. */
export function endOf(trie: TokenTrie, node: number): number {
  return node === ROOT ? trie.byte.length : (trie.skipTo[node] ?? 0);
}

/** The child of a node for a byte, -1 for none. */
export function childOf(trie: TokenTrie, node: number, byte: number): number {
  if (node === ROOT) return trie.roots[byte] ?? -1;
  const end = trie.skipTo[node] ?? 0;
  for (let child = node + 1; child < end; child = trie.skipTo[child] ?? end) {
    if (trie.byte[child] === byte) return child;
  }
  return -1;
}
