import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { KvCacheType } from '#contracts';
import { parseLlamaConfig, type VariantManifest } from '#model-store';
import { planUniform } from '../plan/quantization-plan.js';
import { buildInto, withStaging } from '../variant/staging.js';
import { writeVariant } from '../variant/write-variant.js';
import { randomWeights } from './random-weights.js';

/** Shape of a model, in `config.json`'s words. */
export interface RandomModelShape {
  readonly hidden_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly intermediate_size: number;
  readonly vocab_size: number;
  readonly max_position_embeddings: number;
  readonly tie_word_embeddings: boolean;
}

/** Llama-3.2-1B's. */
export const SHAPE_1B: RandomModelShape = {
  hidden_size: 2048,
  num_hidden_layers: 16,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  intermediate_size: 8192,
  vocab_size: 128_256,
  max_position_embeddings: 8192,
  tie_word_embeddings: true,
};

export interface WriteRandomVariantOptions {
  readonly shape: RandomModelShape;
  /** Bits of all linear layers; the head has 8. */
  readonly bits: 4 | 8;
  /** Default 128. */
  readonly blockSize?: number;
  /** Default `f32`. */
  readonly kvCache?: KvCacheType;
  /** Appears there once it is whole; one that exists is replaced. */
  readonly directory: string;
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: { tensor: string; done: number; total: number }) => void) | undefined;
}

/**
 * Writes a variant of a model nobody trained, for measurements of speed and memory: no checkpoint is needed, weights
 * are drawn while they are written. It has no tokenizer. The same seed and shape give the same files.
 */
export async function writeRandomVariant(options: WriteRandomVariantOptions): Promise<VariantManifest> {
  const { shape, bits, blockSize = 128, kvCache = 'f32', directory, seed, signal, onProgress } = options;
  const json = toHfConfig(shape);
  const config = parseLlamaConfig(json);
  const plan = { ...planUniform(config, bits, blockSize), kvCache };
  const parent = dirname(directory);
  await mkdir(parent, { recursive: true });
  return withStaging(parent, async (checkpointDir) => {
    await writeFile(join(checkpointDir, 'config.json'), `${JSON.stringify(json, null, 1)}\n`);
    return buildInto(directory, (staging) =>
      writeVariant({
        model: 'random',
        source: randomWeights(config, seed),
        checkpointDir,
        checkpointSha256: createHash('sha256').update(JSON.stringify({ shape, seed })).digest('hex'),
        plan,
        directory: staging,
        signal,
        onTensor: (tensor, done, total) => onProgress?.({ tensor, done, total }),
      }),
    );
  });
}

function toHfConfig(shape: RandomModelShape) {
  return {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    ...shape,
    rms_norm_eps: 1e-5,
    rope_theta: 500_000,
    bos_token_id: 0,
    eos_token_id: 1,
  };
}
