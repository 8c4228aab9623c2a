import { describe, expect, it } from 'vitest';
import { checkMagnitudes } from './check-magnitudes.js';

describe('checkMagnitudes', () => {
  it.each([NaN, Infinity, -Infinity])('refuses %s', (bad) => {
    expect(() => checkMagnitudes(Float32Array.of(1, 2, bad))).toThrow(
      `weight 2 of a piece is ${bad}, not a finite`,
    );
  });

  it('refuses what is beyond the bound, and takes the bound itself', () => {
    expect(() => checkMagnitudes(Float32Array.of(-8, 8), 8)).not.toThrow();
    expect(() => checkMagnitudes(Float32Array.of(0, -9), 8)).toThrow('weight 1 of a piece is -9, beyond 8');
  });
});
