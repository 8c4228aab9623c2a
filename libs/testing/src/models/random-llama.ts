import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LlamaCheckpoint, planBits, writeVariant } from '#quantizer';
import { buildCached } from './build-cache.js';
import { writeRandomCheckpoint, type RandomLlamaShape } from './random-checkpoint.js';

export interface RandomLlamaOptions extends RandomLlamaShape {
  readonly seed?: number;
  /** 32, the default, is the float32 export. */
  readonly bitsPerWeight?: number;
}

/** A whole variant (but for a tokenizer) of a random model, the same for the same options. Built once. */
export async function buildRandomLlama(options: RandomLlamaOptions = {}): Promise<string> {
  const { bitsPerWeight = 32, seed = 1, ...shape } = options;
  const key = JSON.stringify({ bitsPerWeight, seed, ...shape });
  return buildCached(`random-llama ${key}`, async (directory) => {
    const checkpointDir = await mkdtemp(join(tmpdir(), 'drover-random-'));
    try {
      await writeRandomCheckpoint(checkpointDir, { shape, seed });
      await writeWholeVariant('random-llama', checkpointDir, bitsPerWeight, directory);
    } finally {
      await rm(checkpointDir, { recursive: true });
    }
  });
}

/** Quantizes a checkpoint into an empty directory, without measuring its quality. */
export async function writeWholeVariant(
  model: string,
  checkpointDir: string,
  bitsPerWeight: number,
  directory: string,
): Promise<void> {
  const source = await LlamaCheckpoint.open(checkpointDir);
  try {
    const plan = planBits(source.config, bitsPerWeight);
    const checkpointSha256 = await source.sha256();
    await writeVariant({ model, source, checkpointDir, checkpointSha256, plan, directory });
  } finally {
    await source.close();
  }
}
