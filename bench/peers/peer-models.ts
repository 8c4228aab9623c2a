import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { KvCacheType } from '#contracts';
import { readLlamaConfig, type LlamaConfig } from '#model-store';
import {
  LlamaCheckpoint,
  planUniform,
  randomWeights,
  SHAPE_1B,
  writeRandomVariant,
  writeVariant,
  type RandomModelShape,
  type WeightSource,
} from '#quantizer';
import { weightBytes } from '../support/weight-bytes.js';
import { ggufBits, writeGguf } from './gguf/write-gguf.js';

export const SHAPES = ['default', '1b', '8b'] as const;

export type ShapeName = (typeof SHAPES)[number];
export type Bits = 4 | 8;

/** What tells the models of a report apart. */
export interface ModelKey {
  readonly shape: ShapeName;
  readonly bits: Bits;
  /** Of ours; node-llama-cpp's is F16 beside `f32` and Q8_0 beside `int8`. */
  readonly kvCache: KvCacheType;
}

/** One model in the files that all systems run. */
export interface PeerModel extends ModelKey {
  readonly config: LlamaConfig;
  readonly onnxDirectory: string;
  readonly ggufPath: string;
  /** Bytes of weights that one decode step of a lone sequence reads. */
  readonly stepBytes: { readonly onnx: number; readonly gguf: number };
}

const CHECKPOINT = join('models', 'drover-tiny');
const FOLDER = join('.data', 'bench', 'peers');
const SEED = 1;
const BLOCK_SIZE = 128;

/** Llama-3-8B's. */
const SHAPE_8B: RandomModelShape = {
  hidden_size: 4096,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  intermediate_size: 14_336,
  vocab_size: 128_256,
  max_position_embeddings: 8192,
  tie_word_embeddings: false,
};

/** Writes a model's files, the same weights in each: the default model's, or random ones of the shape. */
export async function writePeerModel(key: ModelKey): Promise<PeerModel> {
  const { shape, bits, kvCache } = key;
  const onnxDirectory = join(FOLDER, `${shape}-${bits}-${kvCache}`);
  await rm(onnxDirectory, { recursive: true, force: true });
  await mkdir(onnxDirectory, { recursive: true });
  const ggufPath = join(onnxDirectory, 'model.gguf');
  const config =
    shape === 'default'
      ? await writeTrained(key, onnxDirectory, ggufPath)
      : await writeRandom(shape === '1b' ? SHAPE_1B : SHAPE_8B, key, onnxDirectory, ggufPath);
  const { bitsPerWeight, headBitsPerWeight } = planUniform(config, bits, BLOCK_SIZE);
  const gguf = ggufBits(config, bits);
  return {
    shape,
    bits,
    kvCache,
    config,
    onnxDirectory,
    ggufPath,
    stepBytes: {
      onnx: weightBytes(config, bitsPerWeight, headBitsPerWeight),
      gguf: weightBytes(config, gguf.linear, gguf.head),
    },
  };
}

export function removePeerModel({ onnxDirectory }: PeerModel): Promise<void> {
  return rm(onnxDirectory, { recursive: true, force: true });
}

async function writeTrained(
  { bits, kvCache }: ModelKey,
  directory: string,
  ggufPath: string,
): Promise<LlamaConfig> {
  const source = await LlamaCheckpoint.open(CHECKPOINT);
  try {
    await writeVariant({
      model: 'drover-tiny',
      source,
      checkpointDir: CHECKPOINT,
      checkpointSha256: await source.sha256(),
      plan: { ...planUniform(source.config, bits, BLOCK_SIZE), kvCache },
      directory,
    });
    await writeGguf(source, bits, ggufPath);
    return source.config;
  } finally {
    await source.close();
  }
}

async function writeRandom(
  shape: RandomModelShape,
  { bits, kvCache }: ModelKey,
  directory: string,
  ggufPath: string,
): Promise<LlamaConfig> {
  await writeRandomVariant({ shape, bits, blockSize: BLOCK_SIZE, kvCache, directory, seed: SEED });
  const source: WeightSource = randomWeights(await readLlamaConfig(directory), SEED);
  await writeGguf(source, bits, ggufPath);
  return source.config;
}
