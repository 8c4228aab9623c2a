import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { raiseKeyPeaks, raiseValuePeaks, toScales } from './channel-peaks.js';

const KV_HEADS = 2;
const HEAD_DIM = 4;
const CHANNELS = KV_HEADS * HEAD_DIM;

/** [kvHeads, tokens, headDim] of 1 to 5 tokens. */
const cache = fc
  .integer({ min: 1, max: 5 })
  .chain((tokens) =>
    fc.array(fc.float({ min: -50, max: 50, noNaN: true }), {
      minLength: CHANNELS * tokens,
      maxLength: CHANNELS * tokens,
    }),
  )
  .map((values) => Float32Array.from(values));

const channelOf = (index: number, length: number) =>
  Math.floor(index / (length / KV_HEADS)) * HEAD_DIM + (index % HEAD_DIM);

/** Every pair of channels turned by the same angle. */
function rotated(keys: Float32Array, angle: number): Float32Array {
  const half = HEAD_DIM / 2;
  return keys.map((key, i) => {
    const first = i % HEAD_DIM < half;
    const partner = keys[first ? i + half : i - half]!;
    return key * Math.cos(angle) + (first ? -1 : 1) * partner * Math.sin(angle);
  });
}

describe('channel peaks', () => {
  it('are the largest magnitude each channel of each head ever had', () => {
    fc.assert(
      fc.property(fc.array(cache, { minLength: 1, maxLength: 4 }), (rows) => {
        const peaks = new Float64Array(CHANNELS);
        for (const row of rows) raiseValuePeaks(peaks, row, HEAD_DIM);
        const expected = new Float64Array(CHANNELS);
        for (const row of rows) {
          for (const [i, value] of row.entries()) {
            const channel = channelOf(i, row.length);
            expected[channel] = Math.max(expected[channel]!, Math.abs(value));
          }
        }
        expect(peaks).toEqual(expected);
      }),
    );
  });

  it('of keys hold at whatever position the same key comes again', () => {
    fc.assert(
      fc.property(cache, fc.float({ min: 0, max: 7, noNaN: true }), (keys, angle) => {
        const peaks = new Float64Array(CHANNELS);
        raiseKeyPeaks(peaks, keys, HEAD_DIM);
        for (const [i, key] of rotated(keys, angle).entries()) {
          expect(Math.abs(key)).toBeLessThanOrEqual(peaks[channelOf(i, keys.length)]! * (1 + 1e-6));
        }
      }),
    );
  });

  it('become scales that use all of int8, and some scale where a channel is always 0', () => {
    const [wide, narrow, unused] = toScales(Float64Array.of(254, 0.0127, 0));
    expect(wide).toBe(2);
    expect(narrow).toBe(0.0001);
    expect(unused).toBeGreaterThan(0);
  });
});
