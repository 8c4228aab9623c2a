/** Inclusive range of Unicode code points. */
export type CodePointRange = readonly [first: number, last: number];

/** A language over text: what a response may be. */
export type GrammarNode =
  | { readonly kind: 'text'; readonly text: string }
  /** One character of these; surrogates never match. */
  | { readonly kind: 'character'; readonly ranges: readonly CodePointRange[] }
  | { readonly kind: 'sequence'; readonly parts: readonly GrammarNode[] }
  /** No part: nothing matches, not even the empty text. */
  | { readonly kind: 'choice'; readonly parts: readonly GrammarNode[] }
  /** `most` null is without end. */
  | {
      readonly kind: 'repeat';
      readonly part: GrammarNode;
      readonly least: number;
      readonly most: number | null;
    }
  | { readonly kind: 'rule'; readonly rule: GrammarRule };

/** A part with an identity: it is compiled once, and may refer to itself. */
export interface GrammarRule {
  readonly name: string;
  body: GrammarNode;
}

export const NOTHING: GrammarNode = { kind: 'text', text: '' };
export const NEVER: GrammarNode = { kind: 'choice', parts: [] };

export function text(value: string): GrammarNode {
  return { kind: 'text', text: value };
}

export function character(...ranges: readonly CodePointRange[]): GrammarNode {
  return { kind: 'character', ranges };
}

/** One of the characters of `set`. */
export function oneOf(set: string): GrammarNode {
  return character(
    ...Array.from(set, (char): CodePointRange => [char.codePointAt(0) ?? 0, char.codePointAt(0) ?? 0]),
  );
}

export function sequence(...parts: readonly GrammarNode[]): GrammarNode {
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : { kind: 'sequence', parts };
}

export function choice(...parts: readonly GrammarNode[]): GrammarNode {
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : { kind: 'choice', parts };
}

export function repeat(part: GrammarNode, least: number, most: number | null): GrammarNode {
  return { kind: 'repeat', part, least, most };
}

export function optional(part: GrammarNode): GrammarNode {
  return repeat(part, 0, 1);
}

/** A rule of its own, so that every use shares one copy of the part. */
export function shared(name: string, body: GrammarNode): GrammarNode {
  return { kind: 'rule', rule: { name, body } };
}
