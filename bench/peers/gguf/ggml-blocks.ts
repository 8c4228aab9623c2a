import { float16Bits, float16Value } from '#quantizer';

/**
 * How ggml stores weights. Each format cuts rows into blocks that have a scale of their own.
 * Source of all layouts: ggml's ggml-common.h and ggml-quants.c.
 */
export interface GgmlFormat {
  /** Number in ggml's list of formats. */
  readonly type: number;
  readonly blockWeights: number;
  readonly blockBytes: number;
  /** Writes the weights `begin` to `begin + blockWeights` as one block at `offset`. */
  pack(weights: Float32Array, begin: number, out: Buffer, offset: number): void;
}

export const F32: GgmlFormat = {
  type: 0,
  blockWeights: 1,
  blockBytes: 4,
  pack: (weights, begin, out, offset) => void out.writeFloatLE(weights[begin]!, offset),
};

/** 4 bits, one scale for 32 weights: 4.5 bits a weight. */
export const Q4_0: GgmlFormat = {
  type: 2,
  blockWeights: 32,
  blockBytes: 18,
  pack(weights, begin, out, offset) {
    const scale = toFloat16(signedPeak(weights, begin, 32) / -8, out, offset);
    const inverse = scale === 0 ? 0 : 1 / scale;
    for (let i = 0; i < 16; i++) {
      const low = clamp(weights[begin + i]! * inverse + 8, 0, 15);
      const high = clamp(weights[begin + 16 + i]! * inverse + 8, 0, 15);
      out[offset + 2 + i] = low | (high << 4);
    }
  },
};

/** 8 bits, one scale for 32 weights: 8.5 bits a weight. */
export const Q8_0: GgmlFormat = {
  type: 8,
  blockWeights: 32,
  blockBytes: 34,
  pack(weights, begin, out, offset) {
    const scale = toFloat16(Math.abs(signedPeak(weights, begin, 32)) / 127, out, offset);
    const inverse = scale === 0 ? 0 : 1 / scale;
    for (let i = 0; i < 32; i++) out[offset + 2 + i] = clamp(weights[begin + i]! * inverse, -127, 127);
  },
};

/** 6 bits, 16 scales of 8 bits and one over them for 256 weights: 6.5625 bits a weight. */
export const Q6_K: GgmlFormat = {
  type: 14,
  blockWeights: 256,
  blockBytes: 210,
  pack(weights, begin, out, offset) {
    const scales = Float32Array.from(
      { length: 16 },
      (_, group) => signedPeak(weights, begin + 16 * group, 16) / -32,
    );
    const scale = toFloat16(signedPeak(scales, 0, 16) / -128, out, offset + 208);
    const levels = new Uint8Array(256);
    for (let group = 0; group < 16; group++) {
      const groupScale = scale === 0 ? 0 : clamp(scales[group]! / scale, -128, 127);
      out[offset + 192 + group] = groupScale;
      const inverse = groupScale === 0 ? 0 : 1 / (scale * groupScale);
      for (let i = 16 * group; i < 16 * (group + 1); i++) {
        levels[i] = clamp(weights[begin + i]! * inverse, -32, 31) + 32;
      }
    }
    interleave6(levels, out, offset);
  },
};

export function packedBytes(format: GgmlFormat, weights: number): number {
  return (weights / format.blockWeights) * format.blockBytes;
}

/** @param weights whole rows, whose length is a multiple of the block's */
export function packRows(format: GgmlFormat, weights: Float32Array): Buffer {
  if (format === F32) return Buffer.from(weights.buffer, weights.byteOffset, weights.byteLength);
  const out = Buffer.allocUnsafe(packedBytes(format, weights.length));
  for (let begin = 0, offset = 0; begin < weights.length; begin += format.blockWeights) {
    format.pack(weights, begin, out, offset);
    offset += format.blockBytes;
  }
  return out;
}

/** Halves of 128 weights: their low four bits in 64 bytes, their high two in 32, four weights to a byte. */
function interleave6(levels: Uint8Array, out: Buffer, offset: number): void {
  for (let half = 0; half < 2; half++) {
    const at = 128 * half;
    for (let i = 0; i < 32; i++) {
      const [a, b] = [levels[at + i]!, levels[at + 32 + i]!];
      const [c, d] = [levels[at + 64 + i]!, levels[at + 96 + i]!];
      out[offset + 64 * half + i] = (a & 15) | ((c & 15) << 4);
      out[offset + 64 * half + 32 + i] = (b & 15) | ((d & 15) << 4);
      out[offset + 128 + 32 * half + i] = (a >> 4) | ((b >> 4) << 2) | ((c >> 4) << 4) | ((d >> 4) << 6);
    }
  }
}

/** The value of largest magnitude, with its sign. */
function signedPeak(values: Float32Array, begin: number, count: number): number {
  let peak = 0;
  let magnitude = 0;
  for (let i = begin; i < begin + count; i++) {
    const value = values[i]!;
    if (Math.abs(value) > magnitude) {
      magnitude = Math.abs(value);
      peak = value;
    }
  }
  return peak;
}

/** Writes a scale and returns what it became. */
function toFloat16(scale: number, out: Buffer, offset: number): number {
  const bits = float16Bits(scale);
  out.writeUInt16LE(bits, offset);
  return float16Value(bits);
}

/** Rounded to the nearest whole number within the bounds. */
function clamp(value: number, lowest: number, highest: number): number {
  return Math.max(lowest, Math.min(highest, Math.round(value)));
}
