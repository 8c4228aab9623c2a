import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findStopString, heldBackLength, StopStringFilter } from './stop-string-filter.js';

/** Text before the first stop string, found one character at a time. */
function cutAtStop(text: string, stops: readonly string[]): string {
  for (let end = 1; end <= text.length; end++) {
    const found = stops.filter((stop) => text.slice(0, end).endsWith(stop)).map((stop) => stop.length);
    if (found.length > 0) return text.slice(0, end - Math.max(...found));
  }
  return text;
}

function filter(pieces: readonly string[], stops: readonly string[]) {
  const stopFilter = new StopStringFilter(stops);
  const shown = pieces.map((piece) => stopFilter.push(piece));
  return { text: [...shown, stopFilter.flush()].join(''), shown, stopped: stopFilter.stopped };
}

const letters = fc.string({ unit: fc.constantFrom('a', 'b', '\n'), maxLength: 5 });
const anyStops = fc.array(
  letters.filter((stop) => stop !== ''),
  { maxLength: 4 },
);
const anyPieces = fc.array(letters, { maxLength: 12 });

describe('stop strings', () => {
  it('cut the text at the first one complete, however the text comes in pieces', () => {
    fc.assert(
      fc.property(anyPieces, anyStops, (pieces, stops) => {
        const whole = pieces.join('');
        const { text, stopped } = filter(pieces, stops);
        expect(text).toBe(cutAtStop(whole, stops));
        expect(stopped).toBe(stops.some((stop) => whole.includes(stop)));
      }),
    );
  });

  it('never show text that a later piece turns into a stop string', () => {
    fc.assert(
      fc.property(anyPieces, anyStops, (pieces, stops) => {
        const { shown } = filter(pieces, stops);
        pieces.forEach((_, index) => {
          const sofar = cutAtStop(pieces.slice(0, index + 1).join(''), stops);
          expect(sofar.startsWith(shown.slice(0, index + 1).join(''))).toBe(true);
        });
      }),
    );
  });

  it('hold back no more than may become one', () => {
    expect(heldBackLength('see you. The e', ['The end', 'e']) + heldBackLength('xyz', ['abc'])).toBe(5);
    expect(filter(['Hello', ' wor', 'ld'], ['\n\n']).shown).toEqual(['Hello', ' wor', 'ld']);
    expect(filter(['a\n', '\nb'], ['\n\n'])).toMatchObject({ shown: ['a', ''], text: 'a', stopped: true });
    expect(filter(['a\n', 'b'], ['\n\n'])).toMatchObject({ shown: ['a', '\nb'], stopped: false });
  });

  it('prefer the one that ends first, and the longest of those', () => {
    expect(findStopString('xabcd', ['abcd', 'b'])).toEqual({ start: 2, end: 3 });
    expect(findStopString('xabc', ['c', 'abc'])).toEqual({ start: 1, end: 4 });
    expect(findStopString('x', ['c'])).toBeNull();
  });
});
