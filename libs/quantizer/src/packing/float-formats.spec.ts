import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bfloat16ToFloat32, float16Bits, float16ToFloat32, float16Value } from './float-formats.js';

describe('binary16', () => {
  it('reads back every one of its finite numbers', () => {
    const finite = Array.from({ length: 0x10000 }, (_, bits) => bits).filter(
      (bits) => (bits & 0x7c00) !== 0x7c00,
    );
    expect(finite.filter((bits) => float16Bits(float16Value(bits)) !== bits)).toEqual([]);
  });

  it('rounds to a neighbour that no other number is nearer than', () => {
    fc.assert(
      fc.property(fc.float({ min: -65_000, max: 65_000, noNaN: true }), (value) => {
        const bits = float16Bits(value);
        const neighbours = [bits - 1, bits + 1].filter(
          (other) => (other & 0x7fff) < 0x7c00 && (other & 0x8000) === (bits & 0x8000),
        );
        const distances = neighbours.map((other) => Math.abs(float16Value(other) - value));
        expect(Math.abs(float16Value(bits) - value)).toBeLessThanOrEqual(Math.min(...distances));
      }),
    );
  });

  it('rounds half to even', () => {
    expect(float16Bits(1 + 2 ** -11)).toBe(0x3c00);
    expect(float16Bits(1 + 3 * 2 ** -11)).toBe(0x3c02);
    expect(float16Bits(2 ** -25)).toBe(0);
    expect(float16Bits(3 * 2 ** -25)).toBe(2);
  });

  it.each([
    [65_504, 0x7bff],
    [65_519, 0x7bff],
    [65_520, 0x7c00],
    [-Infinity, 0xfc00],
    [NaN, 0x7e00],
  ])('stores %s as its limits ask', (value, bits) => {
    expect(float16Bits(value)).toBe(bits);
  });

  it('is read from arrays', () => {
    expect([...float16ToFloat32(Uint16Array.of(0x3c00, 0xc000, 0x0001))]).toEqual([1, -2, 2 ** -24]);
  });
});

describe('bfloat16', () => {
  it('is the upper half of a float32', () => {
    expect([...bfloat16ToFloat32(Uint16Array.of(0x3f80, 0xc040, 0x0000))]).toEqual([1, -3, 0]);
  });
});
