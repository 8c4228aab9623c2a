import type { KvCacheType } from '#contracts';
import {
  HEAD_TENSOR,
  decoderLinears,
  type LinearTensor,
  type LlamaConfig,
  type TensorPlanEntry,
} from '#model-store';
import { storedBits, type BlockFormat } from '../packing/block-layout.js';

/** Which tensor is stored how. The planner decides it, the writer obeys it. */
export interface QuantizationPlan {
  readonly targetBitsPerWeight: number;
  /** Achieved bits per weight over the decoder's linear layers, scales and padding included. */
  readonly bitsPerWeight: number;
  readonly headBitsPerWeight: number;
  readonly kvCache: KvCacheType;
  /** One entry per linear layer of the decoder in graph order, then the head. */
  readonly entries: readonly TensorPlanEntry[];
}

export const FLOAT32_BITS = 32;
export const LARGEST_BLOCK = 128;
const BLOCK_SIZES = [128, 64, 32, 16];

/** The largest allowed block that leaves no padding; the config's check makes row lengths multiples of 16. */
export function blockFormat(columns: number, bits: 4 | 8, largest: number): BlockFormat {
  const blockSize = BLOCK_SIZES.find((size) => size <= largest && columns % size === 0) ?? 16;
  return { bits, blockSize };
}

export function bitsOf(linear: LinearTensor, format: BlockFormat): number {
  return storedBits(linear.rows, linear.columns, format);
}

/** The plan that stores linear layer i in `formats[i]`. */
export function toPlan(
  config: LlamaConfig,
  formats: readonly BlockFormat[],
  head: BlockFormat,
  targetBitsPerWeight?: number,
): QuantizationPlan {
  const linears = decoderLinears(config);
  const weights = linears.reduce((sum, { rows, columns }) => sum + rows * columns, 0);
  const bits = linears.reduce((sum, linear, i) => sum + bitsOf(linear, formats[i]!), 0);
  return {
    targetBitsPerWeight: targetBitsPerWeight ?? bits / weights,
    bitsPerWeight: bits / weights,
    headBitsPerWeight: storedBits(1, config.hiddenSize, head) / config.hiddenSize,
    kvCache: 'f32',
    entries: [
      ...linears.map(({ tensor }, i) => ({ tensor, ...formats[i]! })),
      { tensor: HEAD_TENSOR, ...head },
    ],
  };
}

/** The same bits for every linear layer of the decoder, 8 for the head. */
export function planUniform(config: LlamaConfig, bits: 4 | 8, largestBlock: number): QuantizationPlan {
  return toPlan(
    config,
    decoderLinears(config).map(({ columns }) => blockFormat(columns, bits, largestBlock)),
    blockFormat(config.hiddenSize, 8, LARGEST_BLOCK),
  );
}

/** Nothing is quantized: the reference. */
export function planFloat32(config: LlamaConfig): QuantizationPlan {
  const tensors = [...decoderLinears(config).map(({ tensor }) => tensor), HEAD_TENSOR];
  return {
    targetBitsPerWeight: FLOAT32_BITS,
    bitsPerWeight: FLOAT32_BITS,
    headBitsPerWeight: FLOAT32_BITS,
    kvCache: 'f32',
    entries: tensors.map((tensor) => ({ tensor, bits: FLOAT32_BITS, blockSize: 0 })),
  };
}
