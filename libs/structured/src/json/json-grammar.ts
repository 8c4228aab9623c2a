import { LAST_CODE_POINT } from '../grammar/code-points.js';
import {
  character,
  choice,
  type CodePointRange,
  type GrammarNode,
  type GrammarRule,
  NOTHING,
  oneOf,
  optional,
  repeat,
  sequence,
  shared,
  text,
} from '../grammar/grammar-node.js';

/**
 * JSON as RFC 8259 has it, in the form Python's `json.dumps` writes: nothing between tokens but one optional space
 * after `:` and `,`. A grammar with any whitespace lets a model write spaces until its tokens are spent.
 */
export const COMMA = sequence(text(','), optional(text(' ')));
export const COLON = sequence(text(':'), optional(text(' ')));

const QUOTE = text('"');
/** What stands in a string as itself. */
export const PLAIN_RANGES: readonly CodePointRange[] = [
  [0x20, 0x21],
  [0x23, 0x5b],
  [0x5d, LAST_CODE_POINT],
];
const HEX = oneOf('0123456789abcdefABCDEF');
const BEFORE_SURROGATES = choice(
  sequence(oneOf('0123456789abcefABCEF'), repeat(HEX, 3, 3)),
  sequence(oneOf('dD'), oneOf('01234567'), repeat(HEX, 2, 2)),
);
const SURROGATE_PAIR = sequence(
  oneOf('dD'),
  oneOf('89abAB'),
  repeat(HEX, 2, 2),
  text('\\u'),
  oneOf('dD'),
  oneOf('cdefCDEF'),
  repeat(HEX, 2, 2),
);

/** One character of a string's value: plain or escaped, never half of a surrogate pair. */
export const STRING_CHARACTER = shared(
  'string character',
  choice(
    character(...PLAIN_RANGES),
    sequence(
      text('\\'),
      choice(oneOf('"\\/bfnrt'), sequence(text('u'), choice(BEFORE_SURROGATES, SURROGATE_PAIR))),
    ),
  ),
);

export function quoted(content: GrammarNode): GrammarNode {
  return sequence(QUOTE, content, QUOTE);
}

export const ANY_STRING = shared('string', quoted(repeat(STRING_CHARACTER, 0, null)));

export const DIGIT = character([0x30, 0x39]);
/** Digits that a double holds exactly. */
export const SAFE_DIGITS = 15;
const FRACTION = sequence(text('.'), repeat(DIGIT, 1, SAFE_DIGITS));
/** Too small to overflow a double together with `SAFE_DIGITS`. */
const EXPONENT = sequence(oneOf('eE'), optional(oneOf('+-')), repeat(DIGIT, 1, 2));

export const INTEGER = shared(
  'integer',
  sequence(
    optional(text('-')),
    choice(text('0'), sequence(character([0x31, 0x39]), repeat(DIGIT, 0, SAFE_DIGITS - 1))),
  ),
);
export const NUMBER = shared('number', sequence(INTEGER, optional(FRACTION), optional(EXPONENT)));

function arrayOf(items: GrammarNode): GrammarNode {
  return sequence(text('['), optional(sequence(items, repeat(sequence(COMMA, items), 0, null))), text(']'));
}

export function mapOf(key: GrammarNode, value: GrammarNode): GrammarNode {
  const member = shared('member', sequence(key, COLON, value));
  return sequence(text('{'), optional(sequence(member, repeat(sequence(COMMA, member), 0, null))), text('}'));
}

const anyValue: GrammarRule = { name: 'value', body: NOTHING };
/** Any JSON value. */
export const ANY_VALUE: GrammarNode = { kind: 'rule', rule: anyValue };
export const ANY_ARRAY = shared('array', arrayOf(ANY_VALUE));
export const ANY_OBJECT = shared('object', mapOf(ANY_STRING, ANY_VALUE));
export const BOOLEAN = choice(text('true'), text('false'));
export const NULL = text('null');
anyValue.body = choice(ANY_OBJECT, ANY_ARRAY, ANY_STRING, NUMBER, BOOLEAN, NULL);
