import {
  character,
  choice,
  type CodePointRange,
  type GrammarNode,
  NOTHING,
  repeat,
  sequence,
  shared,
  text,
} from '../grammar/grammar-node.js';
import { intersectRanges, invertRanges, LAST_CODE_POINT } from '../grammar/code-points.js';
import { PLAIN_RANGES, quoted } from './json-grammar.js';

const PLAIN_TEXT = repeat(character(...PLAIN_RANGES), 0, null);

const BEYOND_ASCII: CodePointRange = [0x80, LAST_CODE_POINT];
const BEYOND = shared('character beyond ASCII', character(BEYOND_ASCII));

/** A string without escapes that is none of `values`: a further key must not be a declared one in disguise. */
export function stringExcept(values: readonly string[]): GrammarNode {
  return quoted(
    textExcept(
      values.map((value) => Array.from(value)),
      0,
    ),
  );
}

/** @param values that begin alike for `depth` characters */
function textExcept(values: readonly (readonly string[])[], depth: number): GrammarNode {
  if (values.length === 0) return PLAIN_TEXT;
  const longer = values.filter((value) => value.length > depth);
  const byNext = Map.groupBy(longer, (value) => value[depth] ?? '');
  const plainNexts = [...byNext].filter(([char]) => JSON.stringify(char).length === char.length + 2);
  return choice(
    ...(longer.length < values.length ? [] : [NOTHING]),
    sequence(characterExcept([...byNext.keys()]), PLAIN_TEXT),
    ...plainNexts.map(([char, group]) => sequence(text(char), textExcept(group, depth + 1))),
  );
}

/** By the one ASCII character left out, as it is of nearly all places in long names. */
const exceptOne = new Map<string, GrammarNode>();

function characterExcept(chars: readonly string[]): GrammarNode {
  const [only = ''] = chars;
  if (chars.length !== 1 || only > '\x7f') return exceptAll(chars);
  const node = exceptOne.get(only) ?? exceptAll(chars);
  exceptOne.set(only, node);
  return node;
}

function exceptAll(chars: readonly string[]): GrammarNode {
  const codes = chars.map((char) => char.codePointAt(0) ?? 0);
  const others = intersectRanges(
    PLAIN_RANGES,
    invertRanges(codes.map((code): CodePointRange => [code, code])),
  );
  if (codes.some((code) => code >= BEYOND_ASCII[0])) return character(...others);
  return choice(character(...intersectRanges(others, [[0, BEYOND_ASCII[0] - 1]])), BEYOND);
}
