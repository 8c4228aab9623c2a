import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { Recogniser } from '../grammar/recogniser.js';
import { integerRange } from './integer-range.js';

const LARGEST = 10 ** 15 - 1;

function accepts(recogniser: Recogniser, text: string): boolean {
  let state: ReturnType<Recogniser['step']> = recogniser.start;
  for (const byte of Buffer.from(text)) {
    state = state && recogniser.step(state, byte);
  }
  return state?.isAccepting === true;
}

const anyInteger = fc.oneof(
  fc.integer({ min: -200, max: 200 }),
  fc.integer({ min: -LARGEST, max: LARGEST }),
  fc.constantFrom(-LARGEST, LARGEST),
);

it('A range of integers is read as itself, without leading zeros, however wide it is', () => {
  fc.assert(
    fc.property(anyInteger, anyInteger, anyInteger, (a, b, value) => {
      const [least, most] = [Math.min(a, b), Math.max(a, b)];
      const recogniser = new Recogniser(integerRange(least, most));
      for (const inside of [least, most]) expect(accepts(recogniser, String(inside))).toBe(true);
      expect(accepts(recogniser, String(value))).toBe(least <= value && value <= most);
      expect(accepts(recogniser, `0${Math.abs(value)}`)).toBe(false);
      expect(accepts(recogniser, String(most + 1))).toBe(false);
    }),
  );
});
