import type { CodePointRange } from './grammar-node.js';

export const LAST_CODE_POINT = 0x10ffff;
const SURROGATES: CodePointRange = [0xd800, 0xdfff];

/** Ascending, without overlap and without surrogates, which UTF-8 cannot hold. */
export function normaliseRanges(ranges: readonly CodePointRange[]): CodePointRange[] {
  return invertRanges(invertRanges(ranges));
}

/** All characters but those of `ranges`. */
export function invertRanges(ranges: readonly CodePointRange[]): CodePointRange[] {
  const sorted = [...ranges, SURROGATES].toSorted((a, b) => a[0] - b[0]);
  const gaps: CodePointRange[] = [];
  let next = 0;
  for (const [first, last] of sorted) {
    if (first > next) gaps.push([next, first - 1]);
    next = Math.max(next, last + 1);
  }
  if (next <= LAST_CODE_POINT) gaps.push([next, LAST_CODE_POINT]);
  return gaps;
}

export function intersectRanges(
  a: readonly CodePointRange[],
  b: readonly CodePointRange[],
): CodePointRange[] {
  return invertRanges([...invertRanges(a), ...invertRanges(b)]);
}

/** Inclusive range of bytes. */
export type ByteRange = readonly [first: number, last: number];

/** Last code points of one, two, three and four UTF-8 bytes. */
const LAST_OF_LENGTH = [0x7f, 0x7ff, 0xffff, LAST_CODE_POINT];

/**
 * The UTF-8 encodings of a range of code points as runs of byte ranges (Russ Cox, "Regular Expression Matching in the
 * Wild", 2010). The range holds no surrogates.
 */
export function utf8Sequences([first, last]: CodePointRange): ByteRange[][] {
  const limit = LAST_OF_LENGTH.find((end) => first <= end) ?? LAST_CODE_POINT;
  if (last > limit) return [...utf8Sequences([first, limit]), ...utf8Sequences([limit + 1, last])];
  if (last <= 0x7f) return [[[first, last]]];
  for (const bits of [6, 12, 18]) {
    const mask = 2 ** bits - 1;
    if (first >> bits === last >> bits) continue;
    if ((first & mask) !== 0)
      return [...utf8Sequences([first, first | mask]), ...utf8Sequences([(first | mask) + 1, last])];
    if ((last & mask) !== mask)
      return [
        ...utf8Sequences([first, last - (last & mask) - 1]),
        ...utf8Sequences([last - (last & mask), last]),
      ];
  }
  const low = new TextEncoder().encode(String.fromCodePoint(first));
  const high = new TextEncoder().encode(String.fromCodePoint(last));
  return [Array.from(low, (byte, index): ByteRange => [byte, high[index] ?? byte])];
}
