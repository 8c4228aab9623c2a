import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KvCacheType } from '#contracts';
import { LlamaCheckpoint, planBits, writeVariant } from '#quantizer';
import { buildCached } from './build-cache.js';
import { writeRandomCheckpoint, type RandomLlamaShape } from './random-checkpoint.js';

export interface RandomLlamaOptions extends RandomLlamaShape {
  readonly seed?: number;
  /** 32, the default, is the float32 export. */
  readonly bitsPerWeight?: number;
  /** Default `f32`; with `f16` it is a variant for GPUs. */
  readonly kvCache?: KvCacheType;
}

/** A whole variant (but for a tokenizer) of a random model, the same for the same options. Built once. */
export async function buildRandomLlama(options: RandomLlamaOptions = {}): Promise<string> {
  const { bitsPerWeight = 32, seed = 1, kvCache = 'f32', ...shape } = options;
  const key = JSON.stringify({ bitsPerWeight, seed, kvCache, ...shape });
  return buildCached(`random-llama ${key}`, async (directory) => {
    const checkpointDir = await mkdtemp(join(tmpdir(), 'drover-random-'));
    try {
      await writeRandomCheckpoint(checkpointDir, { shape, seed });
      await writeWholeVariant('random-llama', checkpointDir, { bitsPerWeight, kvCache }, directory);
    } finally {
      await rm(checkpointDir, { recursive: true });
    }
  });
}

/** Quantizes a checkpoint into an empty directory, without measuring its quality. */
export async function writeWholeVariant(
  model: string,
  checkpointDir: string,
  { bitsPerWeight, kvCache }: { readonly bitsPerWeight: number; readonly kvCache: KvCacheType },
  directory: string,
): Promise<void> {
  const source = await LlamaCheckpoint.open(checkpointDir);
  try {
    const plan = planBits(source.config, bitsPerWeight, kvCache);
    const checkpointSha256 = await source.sha256();
    await writeVariant({ model, source, checkpointDir, checkpointSha256, plan, directory });
  } finally {
    await source.close();
  }
}
