import { choice, type GrammarNode, sequence, text } from '../grammar/grammar-node.js';
import { COLON, COMMA } from './json-grammar.js';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** One JSON value, as `JSON.stringify` writes it but for the optional spaces. */
function jsonLiteral(value: Json): GrammarNode {
  if (value === null || typeof value !== 'object') return text(JSON.stringify(value));
  if (Array.isArray(value)) return sequence(text('['), ...separated(value.map(jsonLiteral)), text(']'));
  const members = Object.entries(value).map(([key, member]) =>
    sequence(text(JSON.stringify(key)), COLON, jsonLiteral(member)),
  );
  return sequence(text('{'), ...separated(members), text('}'));
}

export function jsonLiterals(values: readonly Json[]): GrammarNode {
  return choice(...values.map(jsonLiteral));
}

function separated(parts: readonly GrammarNode[]): GrammarNode[] {
  return parts.flatMap((part, index) => (index === 0 ? [part] : [COMMA, part]));
}
