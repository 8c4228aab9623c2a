import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { float16Value } from '#quantizer';
import { packRows, Q4_0, Q6_K, Q8_0, type GgmlFormat } from './ggml-blocks.js';

/** Of any magnitude, down to where scales are too small for float16. */
const weightsOf = (count: number) =>
  fc
    .tuple(
      fc.array(fc.float({ min: -4, max: 4, noNaN: true, noDefaultInfinity: true }), {
        minLength: count,
        maxLength: count,
      }),
      fc.integer({ min: -30, max: 0 }),
    )
    .map(([values, exponent]) => Float32Array.from(values, (value) => value * 2 ** exponent));

/** ggml's own reading of a block, written from its description. */
const UNPACK = new Map<GgmlFormat, (block: Buffer) => number[]>([
  [
    Q4_0,
    (block) => {
      const scale = float16Value(block.readUInt16LE(0));
      const levels = [...block.subarray(2)];
      return [...levels.map((byte) => byte & 15), ...levels.map((byte) => byte >> 4)].map(
        (q) => (q - 8) * scale,
      );
    },
  ],
  [
    Q8_0,
    (block) => {
      const scale = float16Value(block.readUInt16LE(0));
      return Array.from({ length: 32 }, (_, i) => block.readInt8(2 + i) * scale);
    },
  ],
  [
    Q6_K,
    (block) => {
      const scale = float16Value(block.readUInt16LE(208));
      return Array.from({ length: 256 }, (_, i) => {
        const [half, quarter, lane] = [i >> 7, (i >> 5) & 3, i & 31];
        const low = block[64 * half + 32 * (quarter & 1) + lane]! >> (quarter < 2 ? 0 : 4);
        const high = block[128 + 32 * half + lane]! >> (2 * quarter);
        return (((low & 15) | ((high & 3) << 4)) - 32) * block.readInt8(192 + (i >> 4)) * scale;
      });
    },
  ],
]);

/** How far a scale may be from the float16 next to it, where weights are so small that float16 has few left. */
const FINEST_SCALE = 2 ** -25;

describe.each([
  { name: 'Q4_0', format: Q4_0, group: 32, stepsOfPeak: 1.1 / 8, scaledBy: 8 },
  { name: 'Q8_0', format: Q8_0, group: 32, stepsOfPeak: 1.1 / 127, scaledBy: 127 },
  { name: 'Q6_K', format: Q6_K, group: 256, stepsOfPeak: 1.5 / 32, scaledBy: 128 * 32 },
])('$name', ({ format, group, stepsOfPeak, scaledBy }) => {
  // A step, where the one-sided end of a range cuts off a half; and what scales of 16 and 8 bits lose.
  it('gives every weight back within a step of its block', () => {
    fc.assert(
      fc.property(weightsOf(2 * group), (weights) => {
        const packed = packRows(format, weights);
        expect(packed.length).toBe((weights.length / format.blockWeights) * format.blockBytes);
        for (let block = 0; block * format.blockWeights < weights.length; block++) {
          const original = weights.subarray(block * format.blockWeights, (block + 1) * format.blockWeights);
          const bytes = packed.subarray(block * format.blockBytes, (block + 1) * format.blockBytes);
          const read = UNPACK.get(format)!(bytes);
          const peak = Math.max(...original.map(Math.abs));
          const bound = peak * stepsOfPeak + scaledBy * FINEST_SCALE;
          read.forEach((value, i) => expect(Math.abs(value - original[i]!)).toBeLessThanOrEqual(bound));
        }
      }),
      { numRuns: 50 },
    );
  });
});
