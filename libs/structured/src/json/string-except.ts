import {
  character,
  choice,
  type CodePointRange,
  type GrammarNode,
  NOTHING,
  repeat,
  sequence,
  text,
} from '../grammar/grammar-node.js';
import { intersectRanges, invertRanges } from '../grammar/code-points.js';
import { PLAIN_RANGES, quoted } from './json-grammar.js';

const PLAIN_TEXT = repeat(character(...PLAIN_RANGES), 0, null);

/** A string without escapes that is none of `values`: a further key must not be a declared one in disguise. */
export function stringExcept(values: readonly string[]): GrammarNode {
  return quoted(textExcept(values.map((value) => Array.from(value))));
}

function textExcept(values: readonly (readonly string[])[]): GrammarNode {
  if (values.length === 0) return PLAIN_TEXT;
  const byFirst = Map.groupBy(
    values.filter((value) => value.length > 0),
    ([first]) => first ?? '',
  );
  const firsts = [...byFirst.keys()].map((char): CodePointRange => {
    const code = char.codePointAt(0) ?? 0;
    return [code, code];
  });
  const others = intersectRanges(PLAIN_RANGES, invertRanges(firsts));
  const plainFirsts = [...byFirst].filter(([char]) => JSON.stringify(char).length === char.length + 2);
  return choice(
    ...(values.some((value) => value.length === 0) ? [] : [NOTHING]),
    sequence(character(...others), PLAIN_TEXT),
    ...plainFirsts.map(([char, group]) =>
      sequence(text(char), textExcept(group.map((value) => value.slice(1)))),
    ),
  );
}
