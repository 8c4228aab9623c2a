import { invertRanges } from '../grammar/code-points.js';
import {
  character,
  choice,
  type CodePointRange,
  type GrammarNode,
  repeat,
  sequence,
} from '../grammar/grammar-node.js';
import { RegexReader } from './regex-reader.js';

/** Highest count in `{n,m}`. */
const MAX_COUNT = 1000;
const MAX_DEPTH = 100;

const DIGITS: readonly CodePointRange[] = [[0x30, 0x39]];
const WORD: readonly CodePointRange[] = [...DIGITS, [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]];
const SPACE: readonly CodePointRange[] = [
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
];
const LINE_ENDS: readonly CodePointRange[] = [
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x2028, 0x2029],
];
const ANY_BUT_LINE_ENDS = character(...invertRanges(LINE_ENDS));
const ANYTHING = repeat(character(...invertRanges([])), 0, null);

const SETS: Readonly<Record<string, readonly CodePointRange[]>> = {
  d: DIGITS,
  D: invertRanges(DIGITS),
  w: WORD,
  W: invertRanges(WORD),
  s: SPACE,
  S: invertRanges(SPACE),
};

/**
 * ECMAScript's regular expressions in Unicode mode, those of them that are regular: no look-around, back references
 * or word boundaries, and anchors only where an alternative of the whole pattern begins or ends.
 * @param coverage `whole`: the text matches from start to end; `somewhere`: a part of it does, as JSON Schema's `pattern`
 * @throws RegexError naming the position
 */
export function parseRegex(pattern: string, coverage: 'whole' | 'somewhere'): GrammarNode {
  const reader = new RegexReader(pattern);
  const grammar = parseAlternatives(reader, 0, coverage);
  if (!reader.isAtEnd) throw reader.error('a ) without its (');
  return grammar;
}

function parseAlternatives(
  reader: RegexReader,
  depth: number,
  coverage: 'whole' | 'somewhere' | 'inside',
): GrammarNode {
  if (depth > MAX_DEPTH) throw reader.error(`groups nested deeper than ${MAX_DEPTH}`);
  const alternatives: GrammarNode[] = [];
  do alternatives.push(parseAlternative(reader, depth, coverage));
  while (reader.take('|'));
  return choice(...alternatives);
}

function parseAlternative(
  reader: RegexReader,
  depth: number,
  coverage: 'whole' | 'somewhere' | 'inside',
): GrammarNode {
  const parts: GrammarNode[] = [];
  const startsAnchored = coverage !== 'inside' && reader.take('^');
  let endsAnchored = false;
  while (!reader.isAtEnd && reader.peek() !== '|' && reader.peek() !== ')') {
    if (coverage !== 'inside' && reader.take('$')) {
      endsAnchored = true;
      if (!reader.isAtEnd && reader.peek() !== '|') throw reader.error('a $ before the end');
      break;
    }
    parts.push(parseQuantified(reader, depth));
  }
  if (coverage === 'somewhere') {
    if (!startsAnchored) parts.unshift(ANYTHING);
    if (!endsAnchored) parts.push(ANYTHING);
  }
  return sequence(...parts);
}

function parseQuantified(reader: RegexReader, depth: number): GrammarNode {
  const part = parseAtom(reader, depth);
  const counts = parseCounts(reader);
  if (counts === null) return part;
  reader.take('?');
  const [least, most] = counts;
  if (most !== null && most < least) throw reader.error('a count whose limits are out of order');
  if (Math.max(least, most ?? 0) > MAX_COUNT) throw reader.error(`a count over ${MAX_COUNT}`);
  return repeat(part, least, most);
}

function parseCounts(reader: RegexReader): [least: number, most: number | null] | null {
  if (reader.take('*')) return [0, null];
  if (reader.take('+')) return [1, null];
  if (reader.take('?')) return [0, 1];
  const counts = reader.takeMatch(/\{(\d{1,9})(,?)(\d{0,9})\}/y);
  if (counts === null) return null;
  const least = Number(counts[1]);
  if (counts[2] === '') return [least, least];
  return [least, counts[3] === '' ? null : Number(counts[3])];
}

function parseAtom(reader: RegexReader, depth: number): GrammarNode {
  if (reader.take('(')) {
    const isPlain = !reader.take('?');
    if (!isPlain && !reader.take(':') && reader.takeMatch(/<[A-Za-z_]\w*>/y) === null) {
      throw reader.error('a look-around or a group with flags');
    }
    const group = parseAlternatives(reader, depth + 1, 'inside');
    if (!reader.take(')')) throw reader.error('a ( without its )');
    return group;
  }
  if (reader.take('[')) return character(...parseClass(reader));
  if (reader.take('.')) return ANY_BUT_LINE_ENDS;
  if ('^$*+?{}]'.includes(reader.peek())) throw reader.error(`a ${reader.peek()} out of place`);
  return character(...parseCharacter(reader, 'outside'));
}

function parseClass(reader: RegexReader): CodePointRange[] {
  const isInverted = reader.take('^');
  const ranges: CodePointRange[] = [];
  while (!reader.take(']')) {
    if (reader.isAtEnd) throw reader.error('a [ without its ]');
    const first = parseCharacter(reader, 'class');
    if (reader.peek() !== '-' || reader.peek(1) === ']') {
      ranges.push(...first);
      continue;
    }
    reader.take('-');
    const last = parseCharacter(reader, 'class');
    const [from, to] = [singleOf(first), singleOf(last)];
    if (from === null || to === null || from > to)
      throw reader.error('a range without two characters in order');
    ranges.push([from, to]);
  }
  return isInverted ? invertRanges(ranges) : ranges;
}

function parseCharacter(reader: RegexReader, place: 'class' | 'outside'): readonly CodePointRange[] {
  if (!reader.take('\\')) return one(reader.next());
  const set = SETS[reader.peek()];
  if (set !== undefined) {
    reader.next();
    return set;
  }
  return one(parseEscape(reader, place));
}

const CONTROLS: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f', v: '\v' };

function parseEscape(reader: RegexReader, place: 'class' | 'outside'): string {
  const hex =
    reader.takeMatch(/u\{([0-9a-fA-F]{1,6})\}/y) ??
    reader.takeMatch(/u([0-9a-fA-F]{4})/y) ??
    reader.takeMatch(/x([0-9a-fA-F]{2})/y);
  if (hex !== null) {
    const code = Number.parseInt(hex[1] ?? '', 16);
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) throw reader.error('no character');
    return String.fromCodePoint(code);
  }
  const char = reader.next();
  const control = CONTROLS[char];
  if (control !== undefined) return control;
  if (char === 'b' && place === 'class') return '\b';
  if (char === '0' && !/\d/.test(reader.peek())) return '\0';
  if (/[0-9A-Za-z]/.test(char)) throw reader.error(`the escape \\${char}`);
  return char;
}

function one(char: string): CodePointRange[] {
  const code = char.codePointAt(0) ?? 0;
  return [[code, code]];
}

function singleOf(ranges: readonly CodePointRange[]): number | null {
  const [range] = ranges;
  return range !== undefined && ranges.length === 1 && range[0] === range[1] ? range[0] : null;
}
