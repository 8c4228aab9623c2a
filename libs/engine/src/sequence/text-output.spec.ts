import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadTokenizer, type Tokenizer } from '#tokenizer';
import { TextOutput } from './text-output.js';

let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = await loadTokenizer('models/drover-tiny');
});

/** Ids below 1008 are bytes and words; half characters are common among random ones. */
const anyTokens = fc.array(fc.oneof(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 256, max: 1007 })), {
  maxLength: 40,
});
const anyStops = fc.array(fc.constantFrom('e', ' a', 'th', 'in', '\uFFFD', 'on '), { maxLength: 4 });

describe('the text of a sequence', () => {
  it('is the sum of its pieces, and the decoded tokens cut at the stop string', () => {
    fc.assert(
      fc.property(anyTokens, anyStops, fc.nat(3), (tokens, stops, minTokens) => {
        const output = new TextOutput(tokenizer.createTextDecoder(), stops);
        const pieces: string[] = [];
        const take = () => pieces.push(output.takePending());
        let pushed = 0;
        for (const token of tokens) {
          if (output.foundStopString) break;
          output.push(token, pushed++ >= minTokens);
          take();
        }
        output.end();
        take();
        const whole = tokenizer.decode(tokens.slice(0, pushed));
        expect(pieces.join('')).toBe(output.text);
        expect(whole.startsWith(output.text)).toBe(true);
        const next = whole.slice(output.text.length);
        const isCutRight = output.foundStopString ? stops.some((stop) => next.startsWith(stop)) : next === '';
        expect(isCutRight).toBe(true);
      }),
    );
  });

  it('lets a stop string neither end nor begin in the first tokens that must stay', () => {
    const [a, b] = tokenizer.encodeText('ab');
    const stops = ['ab'];
    for (const [minTokens, expected] of [
      [0, ''],
      [1, 'ab'],
    ] as const) {
      const output = new TextOutput(tokenizer.createTextDecoder(), stops);
      output.push(a!, 0 >= minTokens);
      output.push(b!, 1 >= minTokens);
      output.end();
      expect(output.text).toBe(expected);
    }
  });
});
