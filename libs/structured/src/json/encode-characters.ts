import { intersectRanges, normaliseRanges } from '../grammar/code-points.js';
import {
  character,
  choice,
  type CodePointRange,
  type GrammarNode,
  sequence,
  shared,
  text,
} from '../grammar/grammar-node.js';
import { PLAIN_RANGES } from './json-grammar.js';

const ESCAPED = Array.from({ length: 0x5d }, (_, code) => code).filter(
  (code) => !PLAIN_RANGES.some(([first, last]) => first <= code && code <= last),
);

/** A language over characters as the same language inside a JSON string: quotes, backslashes and controls escaped. */
export function encodeCharacters(node: GrammarNode): GrammarNode {
  switch (node.kind) {
    case 'text':
      return text(JSON.stringify(node.text).slice(1, -1));
    case 'character': {
      const single = singleCharacter(node.ranges);
      if (single !== null) return text(JSON.stringify(single).slice(1, -1));
      const ranges = normaliseRanges(node.ranges);
      const escaped = ESCAPED.filter((code) => ranges.some(([first, last]) => first <= code && code <= last));
      return choice(
        character(...intersectRanges(ranges, PLAIN_RANGES)),
        ...escaped.map((code) => text(JSON.stringify(String.fromCodePoint(code)).slice(1, -1))),
      );
    }
    case 'sequence':
      return sequence(...node.parts.map(encodeCharacters));
    case 'choice':
      return choice(...node.parts.map(encodeCharacters));
    case 'repeat':
      return { ...node, part: encodeCharacters(node.part) };
    case 'rule':
      return shared(node.rule.name, encodeCharacters(node.rule.body));
    default:
      return node satisfies never;
  }
}

function singleCharacter([range, ...others]: readonly CodePointRange[]): string | null {
  const isSingle = range !== undefined && others.length === 0 && range[0] === range[1];
  const char = isSingle ? String.fromCodePoint(range[0]) : '';
  return isSingle && char.isWellFormed() ? char : null;
}
