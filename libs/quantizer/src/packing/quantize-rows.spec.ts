import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BlockFormat } from './block-layout.js';
import { float16Value } from './float-formats.js';
import { quantizeRows, type QuantizedRows } from './quantize-rows.js';

/** MatMulNBits' layout read element by element, as its documentation tells it: value i of a block at bit i·bits. */
function dequantize(
  { packed, scales }: QuantizedRows,
  rows: number,
  columns: number,
  { bits, blockSize }: BlockFormat,
): number[][] {
  const blocks = Math.ceil(columns / blockSize);
  const blockBytes = (blockSize * bits) / 8;
  return Array.from({ length: rows }, (_, row) =>
    Array.from({ length: columns }, (__, column) => {
      const block = row * blocks + Math.floor(column / blockSize);
      const bit = (column % blockSize) * bits;
      const byte = packed[block * blockBytes + Math.floor(bit / 8)]!;
      const stored = (byte >> (bit % 8)) & (2 ** bits - 1);
      return (stored - 2 ** (bits - 1)) * float16Value(scales[block]!);
    }),
  );
}

const formats = fc.record<BlockFormat>({
  bits: fc.constantFrom(4, 8),
  blockSize: fc.constantFrom(16, 32, 64, 128),
});
const matrices = fc.integer({ min: 1, max: 150 }).chain((columns) =>
  fc.record({
    columns: fc.constant(columns),
    rows: fc.array(
      fc.array(fc.float({ min: -8, max: 8, noNaN: true }), { minLength: columns, maxLength: columns }),
      { minLength: 1, maxLength: 3 },
    ),
  }),
);

/** What is lost of weights that even the smallest scale of 16 bits is too coarse for. */
const TINIEST = 128 * 2 ** -25;

describe('quantizeRows', () => {
  it('keeps every weight within the clipping and rounding of its block', () => {
    fc.assert(
      fc.property(matrices, formats, ({ columns, rows }, format) => {
        const restored = dequantize(
          quantizeRows(Float32Array.from(rows.flat()), columns, format),
          rows.length,
          columns,
          format,
        );
        for (const [row, weights] of rows.entries()) {
          for (let begin = 0; begin < columns; begin += format.blockSize) {
            const block = weights.slice(begin, begin + format.blockSize);
            const peak = Math.max(...block.map(Math.abs));
            // The weight of the other sign loses one step at the short end of the range; at 4 bits clipping may take more.
            const bound = format.bits === 4 ? peak * 0.35 : peak / 120;
            for (const [i, weight] of block.entries()) {
              expect(Math.abs(restored[row]![begin + i]! - weight)).toBeLessThanOrEqual(bound + TINIEST);
            }
          }
        }
      }),
    );
  });

  it('is never worse than rounding to the full range of the block', () => {
    fc.assert(
      fc.property(
        fc.array(fc.float({ min: -1, max: 1, noNaN: true }), { minLength: 32, maxLength: 32 }),
        (w) => {
          const format: BlockFormat = { bits: 4, blockSize: 32 };
          const restored = dequantize(quantizeRows(Float32Array.from(w), 32, format), 1, 32, format)[0]!;
          const peak = w.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0);
          const step = peak / -8 || 1;
          const plain = w.map((x) => Math.max(-8, Math.min(7, Math.round(x / step))) * step);
          const error = (other: number[]) => w.reduce((sum, x, i) => sum + (x - other[i]!) ** 2, 0);
          // The scale's 16 bits may cost a little of what the search won.
          expect(error(restored)).toBeLessThanOrEqual(error(plain) * 1.02 + 1e-5);
        },
      ),
    );
  });

  it('restores weights on the grid exactly', () => {
    const weights = Float32Array.from({ length: 16 }, (_, i) => (i - 8) * 0.25);
    const format: BlockFormat = { bits: 4, blockSize: 16 };
    expect(dequantize(quantizeRows(weights, 16, format), 1, 16, format)).toEqual([[...weights]]);
  });

  it('stores the even element of a pair in the low nibble', () => {
    const weights = new Float32Array(16);
    weights[0] = -8;
    weights[1] = 7;
    expect(quantizeRows(weights, 16, { bits: 4, blockSize: 16 }).packed[0]).toBe(0xf0);
  });

  it('stores a row of zeros, and pads the last block, with what stands for zero', () => {
    const { packed, scales } = quantizeRows(new Float32Array(20), 20, { bits: 8, blockSize: 16 });
    expect([...packed]).toEqual(Array.from({ length: 32 }, () => 128));
    expect([...scales]).toEqual([0, 0]);
  });

  it('refuses a weight whose scale 16 bits cannot hold', () => {
    const weights = Float32Array.from({ length: 16 }, () => 1e9);
    expect(() => quantizeRows(weights, 16, { bits: 4, blockSize: 16 })).toThrow(/too large/);
  });
});
