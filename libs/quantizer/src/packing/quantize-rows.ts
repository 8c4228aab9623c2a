import { blockLayout, type BlockFormat } from './block-layout.js';
import { float16Bits, float16Value } from './float-formats.js';

/** Quantized rows: weight ≈ (stored − 2^(bits−1)) × scale of its block. */
export interface QuantizedRows {
  /** `[rows, blocksPerRow, blockBytes]`; at 4 bits the even element of a pair is the low nibble. */
  readonly packed: Uint8Array;
  /** `[rows, blocksPerRow]`, binary16. */
  readonly scales: Uint16Array;
}

/**
 * Trial scales of a 4-bit block as shares of its full-range scale: shrinking clips the largest weight a little and
 * rounds all others finer. Eight bits are fine enough that no clipping pays.
 */
const CLIP_SHARES_4_BIT = [1, 0.92, 0.85, 0.78];
const CLIP_SHARES_8_BIT = [1];

/**
 * Rounds whole rows to blocks of signed integers with one signed scale each. The block's largest weight takes the
 * end of the range that has one more step (−2^(bits−1)), which makes steps finer than symmetric ranges do; the scale
 * is the one of least squares for the best of the trial roundings. Throws on weights that are not finite.
 *
 * @param weights `[rows, columns]`, row-major
 */
export function quantizeRows(weights: Float32Array, columns: number, format: BlockFormat): QuantizedRows {
  const rows = weights.length / columns;
  const { blocksPerRow, blockBytes, rowBytes } = blockLayout(columns, format);
  const packed = new Uint8Array(rows * rowBytes);
  const scales = new Uint16Array(rows * blocksPerRow);
  const pack = format.bits === 4 ? packBlock4 : packBlock8;
  const shares = format.bits === 4 ? CLIP_SHARES_4_BIT : CLIP_SHARES_8_BIT;
  const zero = 2 ** (format.bits - 1);
  for (let row = 0, block = 0; row < rows; row++) {
    const rowEnd = (row + 1) * columns;
    for (let begin = row * columns; begin < rowEnd; begin += format.blockSize, block++) {
      const end = Math.min(begin + format.blockSize, rowEnd);
      const scaleBits = float16Bits(bestScale(weights, begin, end, zero, shares));
      if ((scaleBits & 0x7fff) >= 0x7c00) throw new RangeError('a weight is not finite, or too large');
      scales[block] = scaleBits;
      pack(weights, begin, end, inverse(float16Value(scaleBits)), packed, block * blockBytes, blockBytes);
    }
  }
  return { packed, scales };
}

function bestScale(
  weights: Float32Array,
  begin: number,
  end: number,
  zero: number,
  shares: readonly number[],
): number {
  const peak = signedPeak(weights, begin, end);
  if (peak === 0) return 0;
  let best = Math.abs(peak);
  let bestGain = -1;
  for (const share of shares) {
    const inverseScale = -zero / (peak * share);
    let dot = 0;
    let norm = 0;
    for (let i = begin; i < end; i++) {
      const weight = weights[i]!;
      const q = stored(weight * inverseScale, zero) - zero;
      dot += weight * q;
      norm += q * q;
    }
    // Of all scales the least-squares one, dot/norm, leaves the error Σw² − dot²/norm.
    const gain = (dot * dot) / norm;
    if (gain > bestGain) {
      bestGain = gain;
      best = dot / norm;
    }
  }
  return best;
}

function signedPeak(weights: Float32Array, begin: number, end: number): number {
  let lowest = 0;
  let highest = 0;
  let sum = 0;
  for (let i = begin; i < end; i++) {
    const weight = weights[i]!;
    // NaN compares with nothing: it would pass unseen but for the sum.
    sum += weight;
    if (weight < lowest) lowest = weight;
    if (weight > highest) highest = weight;
  }
  if (Number.isNaN(sum)) return sum;
  return -lowest > highest ? lowest : highest;
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

/** What pads the last block of a row: it stands for zero. */
const ZERO_4_BIT = 8;
const ZERO_8_BIT = 128;

const packBlock4: PackBlock = (weights, begin, end, inverseScale, packed, offset, blockBytes) => {
  for (let byte = 0, i = begin; byte < blockBytes; byte++, i += 2) {
    const low = i < end ? stored(weights[i]! * inverseScale, 8) : ZERO_4_BIT;
    const high = i + 1 < end ? stored(weights[i + 1]! * inverseScale, 8) : ZERO_4_BIT;
    packed[offset + byte] = low | (high << 4);
  }
};

const packBlock8: PackBlock = (weights, begin, end, inverseScale, packed, offset, blockBytes) => {
  for (let byte = 0, i = begin; byte < blockBytes; byte++, i++) {
    packed[offset + byte] = i < end ? stored(weights[i]! * inverseScale, 128) : ZERO_8_BIT;
  }
};
