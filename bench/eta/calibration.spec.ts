import { expect, it } from 'vitest';
import { calibrationOf } from './calibration.js';

const told = (expected: number, actualS: number) => ({
  eta: { low: expected / 2, expected, high: expected * 2 },
  actualS,
  priority: 5,
});

it('tells how far starts were from what jobs were told', () => {
  const predictions = [told(2, 4), told(3, 2), told(10, 8), told(1, 3), told(0.5, 0.5)];
  expect(calibrationOf(predictions)).toEqual({
    predictions: 5,
    medianAbsoluteErrorS: 2,
    medianRelativeError: 0.5,
    withinBounds: 0.8,
    biasS: 0,
  });
});

it('leaves waits of up to a second out of the relative error', () => {
  expect(calibrationOf([told(0.1, 1), told(3, 2)]).medianRelativeError).toBe(0.5);
});
