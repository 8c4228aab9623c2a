import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { spreadOf } from './spread.js';

it('gives measured values with half and all but a hundredth of the others at or below them', () => {
  fc.assert(
    fc.property(fc.array(fc.integer(), { minLength: 1 }), (values) => {
      const { p50, p99 } = spreadOf(values);
      const atOrBelow = (bound: number) => values.filter((value) => value <= bound).length / values.length;
      const below = (bound: number) => values.filter((value) => value < bound).length / values.length;
      expect(values).toEqual(expect.arrayContaining([p50, p99]));
      expect([atOrBelow(p50) >= 0.5, below(p50) < 0.5]).toEqual([true, true]);
      expect([atOrBelow(p99) >= 0.99, below(p99) < 0.99]).toEqual([true, true]);
    }),
  );
});

it('is no number where nothing was measured', () => {
  expect(spreadOf([])).toEqual({ p50: Number.NaN, p99: Number.NaN });
});
