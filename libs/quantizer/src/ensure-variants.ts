import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { bitsPerWeightOf, kvCacheOf } from '#contracts';
import {
  MANIFEST_FILE,
  ModelFormatError,
  isFileMissing,
  listModels,
  variantDirectory,
  variantsDirectory,
  verifyVariant,
} from '#model-store';
import { LlamaCheckpoint } from './checkpoint/llama-checkpoint.js';
import { buildVariants, type BuiltVariant, type QuantizeProgress } from './variant/build-variants.js';

export interface EnsureVariantsOptions {
  readonly modelsDir: string;
  readonly dataDir: string;
  readonly model: string;
  /** Names such as `6_5` and `6_5-kv8`. */
  readonly variants: readonly string[];
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: QuantizeProgress) => void) | undefined;
}

/**
 * Builds those of the variants that are missing, damaged or of another checkpoint, and returns what was built.
 * Several processes may ask at once: one builds, the others wait and find the result.
 */
export async function ensureVariants(options: EnsureVariantsOptions): Promise<BuiltVariant[]> {
  const { modelsDir, dataDir, model, variants, signal, onProgress } = options;
  const known = await listModels(modelsDir);
  if (!known.includes(model)) {
    const others = known.length > 0 ? `; it has ${known.join(', ')}` : '';
    throw new ModelFormatError(`${modelsDir} has no model ${model}${others}`);
  }
  const checkpointDir = join(modelsDir, model);
  const isNeeded = async (variant: string) =>
    !(await isCurrent(variantDirectory(dataDir, model, variant), checkpointDir, signal));
  if (!(await some(variants, isNeeded))) return [];
  return buildVariants({
    checkpointDir,
    outputDir: variantsDirectory(dataDir, model),
    model,
    targets: variants.map((variant) => ({
      bitsPerWeight: bitsPerWeightOf(variant),
      kvCache: kvCacheOf(variant),
    })),
    isNeeded,
    signal,
    onProgress,
  });
}

async function isCurrent(variantDir: string, checkpointDir: string, signal?: AbortSignal): Promise<boolean> {
  try {
    const manifest = await verifyVariant(variantDir);
    if (!(await mayHaveChanged(checkpointDir, join(variantDir, MANIFEST_FILE)))) return true;
    return manifest.checkpointSha256 === (await digestOf(checkpointDir, signal));
  } catch (error) {
    if (isFileMissing(error) || error instanceof ModelFormatError) return false;
    throw error;
  }
}

/** Checkpoints up to this size are read whole at every start; larger ones when a file is newer than the variant. */
const ALWAYS_DIGESTED_BYTES = 2 ** 28;

async function mayHaveChanged(checkpointDir: string, manifestFile: string): Promise<boolean> {
  const { mtimeMs: builtAtMs } = await stat(manifestFile);
  let bytes = 0;
  for (const name of await readdir(checkpointDir)) {
    const { size, mtimeMs } = await stat(join(checkpointDir, name));
    bytes += size;
    if (mtimeMs > builtAtMs) return true;
  }
  return bytes <= ALWAYS_DIGESTED_BYTES;
}

async function digestOf(checkpointDir: string, signal?: AbortSignal): Promise<string> {
  const checkpoint = await LlamaCheckpoint.open(checkpointDir);
  try {
    return await checkpoint.sha256(signal);
  } finally {
    await checkpoint.close();
  }
}

async function some<T>(items: readonly T[], test: (item: T) => Promise<boolean>): Promise<boolean> {
  for (const item of items) if (await test(item)) return true;
  return false;
}
