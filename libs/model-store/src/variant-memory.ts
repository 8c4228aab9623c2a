import type { LlamaConfig } from './llama-config.js';
import { HEAD_TENSOR, decoderLinears } from './llama-tensors.js';
import type { TensorPlanEntry, VariantManifest } from './variant-manifest.js';

export interface VariantMemory {
  readonly weightsBytes: number;
  readonly kvCacheBytes: number;
  /** Activations of a prefill chunk, logits, and what ONNX Runtime and Node take themselves. */
  readonly scratchBytes: number;
  readonly totalBytes: number;
}

export interface VariantMemoryOptions {
  readonly config: LlamaConfig;
  readonly manifest: Pick<VariantManifest, 'plan' | 'kvCache'>;
  /** Sequences that are in the cache at once. */
  readonly slots: number;
  /** Most tokens of one sequence. */
  readonly contextTokens: number;
  /** Prompt tokens of one prefill chunk, default 256. */
  readonly prefillChunkTokens?: number;
}

const FLOAT32_BYTES = 4;
const KV_ELEMENT_BYTES = { f32: 4, int8: 1, f16: 2 } as const;
const PROCESS_BYTES = 100 * 2 ** 20;

/**
 * Memory a CPU worker takes for a variant. ONNX Runtime unpacks each block to its integers, a float32 scale and a
 * float32 sum: bits + 64 / blockSize per weight. The embedding stays a mapped file.
 */
export function estimateVariantMemory(options: VariantMemoryOptions): VariantMemory {
  const { config, manifest, slots, contextTokens, prefillChunkTokens = 256 } = options;
  const { hiddenSize, intermediateSize, vocabSize, layers, keyValueHeads, headDim } = config;
  const weightsBytes = linearsBytes(config, manifest.plan);
  const tokenBytes = 2 * layers * keyValueHeads * headDim * KV_ELEMENT_BYTES[manifest.kvCache.type];
  const kvCacheBytes = slots * contextTokens * tokenBytes;
  const rows = Math.max(prefillChunkTokens, slots);
  // Alive at once in a layer: residual, normed, attention in and out, and gate, up and their product.
  const activations = rows * (4 * hiddenSize + 3 * intermediateSize) * FLOAT32_BYTES;
  const logits = (slots + 1) * vocabSize * FLOAT32_BYTES;
  const scratchBytes = activations + logits + PROCESS_BYTES;
  return { weightsBytes, kvCacheBytes, scratchBytes, totalBytes: weightsBytes + kvCacheBytes + scratchBytes };
}

function linearsBytes(config: LlamaConfig, plan: readonly TensorPlanEntry[]): number {
  const entries = new Map(plan.map((entry) => [entry.tensor, entry]));
  const head = { tensor: HEAD_TENSOR, rows: config.vocabSize, columns: config.hiddenSize };
  let bits = 0;
  for (const { tensor, rows, columns } of [...decoderLinears(config), head]) {
    bits += rows * columns * bitsInMemory(entries.get(tensor));
  }
  return Math.ceil(bits / 8);
}

function bitsInMemory(entry: TensorPlanEntry | undefined): number {
  if (!entry || entry.bits === 32) return 32;
  return entry.bits + 64 / entry.blockSize;
}
