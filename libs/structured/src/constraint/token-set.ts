/** Token ids: as a list, or as bits where those take less room (as XGrammar stores masks: Dong et al., 2024). */
export type TokenSet = { readonly ids: Int32Array } | { readonly words: Int32Array };

export function wordsFor(vocabSize: number): number {
  return Math.ceil(vocabSize / 32);
}

/** Room for so many tokens. */
export function packedSize(count: number, vocabSize: number): TokenSet {
  const words = wordsFor(vocabSize);
  return count <= words ? { ids: new Int32Array(count) } : { words: new Int32Array(words) };
}

export function bytesOf(set: TokenSet): number {
  return ('ids' in set ? set.ids : set.words).byteLength;
}

/** Sets the bits of these tokens: token `id` is bit `id % 32` of word `id >> 5`. */
export function addTokens(words: Int32Array, set: TokenSet): void {
  if ('ids' in set) {
    for (const id of set.ids) setBit(words, id);
    return;
  }
  for (let at = 0; at < words.length; at += 1) words[at] = (words[at] ?? 0) | (set.words[at] ?? 0);
}

export function setBit(words: Int32Array, id: number): void {
  const word = id >> 5;
  words[word] = (words[word] ?? 0) | (1 << (id & 31));
}
