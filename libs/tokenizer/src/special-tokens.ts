import { randomInt } from 'node:crypto';
import type { AddedToken } from './tokenizer-files.js';

/** The control tokens of a model, such as `<|eot_id|>`: their texts, their ids, and how text is cut at them. */
export class SpecialTokens {
  readonly ids: ReadonlySet<number>;
  readonly #idOf: ReadonlyMap<string, number>;
  readonly #textOf: ReadonlyMap<number, string>;
  readonly #pattern: RegExp | null;

  constructor(addedTokens: readonly AddedToken[]) {
    const special = addedTokens.filter((token) => token.special && token.content !== '');
    this.#idOf = new Map(special.map((token) => [token.content, token.id]));
    this.#textOf = new Map(special.map((token) => [token.id, token.content]));
    this.ids = new Set(this.#textOf.keys());
    // Longest first: where one text begins another, the longer one is meant.
    const contents = [...this.#idOf.keys()].toSorted((a, b) => b.length - a.length);
    this.#pattern =
      contents.length === 0 ? null : new RegExp(`(${contents.map(escapeRegExp).join('|')})`, 'u');
  }

  idOf(content: string): number | undefined {
    return this.#idOf.get(content);
  }

  textOf(id: number): string | undefined {
    return this.#textOf.get(id);
  }

  contents(): Iterable<string> {
    return this.#idOf.keys();
  }

  /** Cuts text at every control token; the token texts are sections of their own. */
  split(text: string): string[] {
    return this.#pattern === null ? [text] : text.split(this.#pattern).filter((section) => section !== '');
  }

  /** A pair of functions that hide control tokens in text behind marks, and bring them back. */
  createEscaper(): SpecialTextEscaper {
    const hidden: string[] = [];
    // Random, so that no message can contain a mark; digits in ASCII, so that case filters and JSON keep it.
    const mark = `~${randomInt(2 ** 47)}:`;
    const marks = new RegExp(`${mark}(\\d+)~`, 'gu');
    return {
      escape: (text) =>
        this.split(text)
          .map((section) => (this.#idOf.has(section) ? `${mark}${hidden.push(section) - 1}~` : section))
          .join(''),
      unescape: (text) => text.replace(marks, (_, index: string) => hidden[Number(index)] ?? ''),
    };
  }
}

export interface SpecialTextEscaper {
  escape(text: string): string;
  unescape(text: string): string;
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/gu, '\\$&');
}
