import { blockLayout, type BlockFormat } from './block-layout.js';
import { float16Bits, float16Value } from './float-formats.js';

/** Quantized rows: weight ≈ (stored − 2^(bits−1)) × scale of its block. */
export interface QuantizedRows {
  /** `[rows, blocksPerRow, blockBytes]`; at 4 bits the even element of a pair is the low nibble. */
  readonly packed: Uint8Array;
  /** `[rows, blocksPerRow]`, binary16. */
  readonly scales: Uint16Array;
}

/** Stored value of a weight of zero, by bits; it pads the last block of a row. */
const ZERO = { 4: 8, 8: 128 } as const;

const MAGNITUDE = 0x7fffffff;

/**
 * Rounds whole rows to blocks of integers with one signed scale each: the block's largest weight takes the end of the
 * range that has one more step (−2^(bits−1)), which makes all steps finer than a symmetric range does. At 4 bits the
 * scale is chosen among trials, at 8 bits no choice would be felt. Throws `RangeError` on weights whose scale is beyond
 * 16 bits.
 *
 * @param weights `[rows, columns]`, row-major, finite (`checkMagnitudes`)
 */
export function quantizeRows(weights: Float32Array, columns: number, format: BlockFormat): QuantizedRows {
  const rows = weights.length / columns;
  const { blocksPerRow, blockBytes, rowBytes } = blockLayout(columns, format);
  const packed = new Uint8Array(rows * rowBytes);
  const scales = new Uint16Array(rows * blocksPerRow);
  const bits = new Int32Array(weights.buffer, weights.byteOffset, weights.length);
  const pack = format.bits === 4 ? packBlock4 : packBlock8;
  for (let row = 0, block = 0; row < rows; row++) {
    const rowEnd = (row + 1) * columns;
    for (let begin = row * columns; begin < rowEnd; begin += format.blockSize, block++) {
      const end = Math.min(begin + format.blockSize, rowEnd);
      const peak = weights[peakIndex(bits, begin, end)]!;
      const scale = format.bits === 4 ? bestScale4(weights, begin, end, peak) : -peak / ZERO[8];
      const scaleBits = peak === 0 ? 0 : float16Bits(scale);
      if ((scaleBits & 0x7c00) === 0x7c00) throw new RangeError(`a weight of ${peak} is too large`);
      scales[block] = scaleBits;
      pack(weights, begin, end, inverse(float16Value(scaleBits)), packed, block * blockBytes, blockBytes);
    }
  }
  return { packed, scales };
}

/** Where the largest magnitude is. Magnitudes of floats are ordered as their bits are. */
function peakIndex(bits: Int32Array, begin: number, end: number): number {
  let peakAt = begin;
  let peakBits = -1;
  for (let i = begin; i < end; i++) {
    const magnitude = bits[i]! & MAGNITUDE;
    if (magnitude > peakBits) {
      peakBits = magnitude;
      peakAt = i;
    }
  }
  return peakAt;
}

/**
 * The best of four scales for a 4-bit block. A scale below full range clips the largest weight a little and rounds
 * all others finer. Each trial's rounding q gets its least-squares scale Σwq/Σq², whose error is Σw² − (Σwq)²/Σq².
 * The trials share one loop: apart, each would wait for its own sums.
 */
function bestScale4(weights: Float32Array, begin: number, end: number, peak: number): number {
  const full = -ZERO[4] / peak;
  let dot0 = 0;
  let dot1 = 0;
  let dot2 = 0;
  let dot3 = 0;
  let norm0 = 0;
  let norm1 = 0;
  let norm2 = 0;
  let norm3 = 0;
  for (let i = begin; i < end; i++) {
    const weight = weights[i]!;
    const step = weight * full;
    const q0 = stored(step, ZERO[4]) - ZERO[4];
    const q1 = stored(step * (1 / 0.92), ZERO[4]) - ZERO[4];
    const q2 = stored(step * (1 / 0.85), ZERO[4]) - ZERO[4];
    const q3 = stored(step * (1 / 0.78), ZERO[4]) - ZERO[4];
    dot0 += weight * q0;
    dot1 += weight * q1;
    dot2 += weight * q2;
    dot3 += weight * q3;
    norm0 += q0 * q0;
    norm1 += q1 * q1;
    norm2 += q2 * q2;
    norm3 += q3 * q3;
  }
  let dot = dot0;
  let norm = norm0;
  if (dot1 * dot1 * norm > dot * dot * norm1) [dot, norm] = [dot1, norm1];
  if (dot2 * dot2 * norm > dot * dot * norm2) [dot, norm] = [dot2, norm2];
  if (dot3 * dot3 * norm > dot * dot * norm3) [dot, norm] = [dot3, norm3];
  return dot / norm;
}

/** Nearest of 0 … 2·zero − 1 to `value + zero`: truncation is flooring there, and cheaper. */
function stored(value: number, zero: number): number {
  const rounded = (value + zero + 0.5) | 0;
  return rounded < 0 ? 0 : rounded >= 2 * zero ? 2 * zero - 1 : rounded;
}

function inverse(scale: number): number {
  return scale === 0 ? 0 : 1 / scale;
}

type PackBlock = (
  weights: Float32Array,
  begin: number,
  end: number,
  inverseScale: number,
  packed: Uint8Array,
  offset: number,
  blockBytes: number,
) => void;

const packBlock4: PackBlock = (weights, begin, end, inverseScale, packed, offset, blockBytes) => {
  for (let byte = 0, i = begin; byte < blockBytes; byte++, i += 2) {
    const low = i < end ? stored(weights[i]! * inverseScale, ZERO[4]) : ZERO[4];
    const high = i + 1 < end ? stored(weights[i + 1]! * inverseScale, ZERO[4]) : ZERO[4];
    packed[offset + byte] = low | (high << 4);
  }
};

const packBlock8: PackBlock = (weights, begin, end, inverseScale, packed, offset, blockBytes) => {
  for (let byte = 0, i = begin; byte < blockBytes; byte++, i++) {
    packed[offset + byte] = i < end ? stored(weights[i]! * inverseScale, ZERO[8]) : ZERO[8];
  }
};
