import { describe, expect, it } from 'vitest';
import { median, roundTo } from './median.js';

describe('median', () => {
  it('is the middle value, or the mean of the two', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([4, 1, 2, 10])).toBe(3);
    expect(median([])).toBeNaN();
  });

  it('rounds to significant digits', () => {
    expect([roundTo(3, 1234.5), roundTo(3, 0.012345)]).toEqual([1230, 0.0123]);
  });
});
