import { describe, expect, it } from 'vitest';
import { tokenWeight } from './token-weight.js';

describe('token weights', () => {
  it('are the exponential to nine digits, and 0 where it is past use', () => {
    for (let x = 0; x > -40; x -= 0.0137) {
      expect(Math.abs(tokenWeight(x) / Math.exp(x) - 1)).toBeLessThan(1e-9);
    }
    expect([tokenWeight(0), tokenWeight(-41), tokenWeight(-Infinity)]).toEqual([1, 0, 0]);
  });
});
