import { packedSize, setBit, type TokenSet } from './token-set.js';

/**
 * Sorts tokens by keys. Its arrays are made once: fresh pages for the tokens of a whole vocabulary cost more than the
 * walk that finds them.
 */
export class TokenSorter<K extends object> {
  readonly #vocabSize: number;
  readonly #ids: Int32Array;
  readonly #groups: Int32Array;
  readonly #groupOf = new Map<K, number>();
  #counts: number[] = [];
  #size = 0;
  #lastKey: K | null = null;
  #lastGroup = 0;

  constructor(vocabSize: number) {
    this.#vocabSize = vocabSize;
    this.#ids = new Int32Array(vocabSize);
    this.#groups = new Int32Array(vocabSize);
  }

  /** Each token once only until `clear`. */
  add(id: number, key: K): void {
    if (key !== this.#lastKey) this.#select(key);
    this.#ids[this.#size] = id;
    this.#groups[this.#size] = this.#lastGroup;
    this.#counts[this.#lastGroup] = (this.#counts[this.#lastGroup] ?? 0) + 1;
    this.#size += 1;
  }

  clear(): void {
    this.#groupOf.clear();
    this.#counts = [];
    this.#size = 0;
    this.#lastKey = null;
  }

  sorted(): Map<K, TokenSet> {
    const sets = this.#counts.map((count) => packedSize(count, this.#vocabSize));
    const filled = sets.map(() => 0);
    for (let at = 0; at < this.#size; at += 1) {
      const group = this.#groups[at] ?? 0;
      const id = this.#ids[at] ?? 0;
      const set = sets[group];
      if (set === undefined) continue;
      if ('words' in set) {
        setBit(set.words, id);
        continue;
      }
      const place = filled[group] ?? 0;
      set.ids[place] = id;
      filled[group] = place + 1;
    }
    return new Map(
      [...this.#groupOf.keys()].flatMap((key, group) =>
        sets[group] === undefined ? [] : [[key, sets[group]]],
      ),
    );
  }

  #select(key: K): void {
    let group = this.#groupOf.get(key);
    if (group === undefined) {
      group = this.#counts.push(0) - 1;
      this.#groupOf.set(key, group);
    }
    this.#lastKey = key;
    this.#lastGroup = group;
  }
}
