import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MODEL_NAME, VARIANT_NAME } from '#contracts';
import {
  readLlamaConfig,
  readVariantManifest,
  variantDirectory,
  variantsDirectory,
  type LlamaConfig,
  type VariantManifest,
} from '#model-store';
import { parseModelCard, type ModelCard } from './model-card.js';

export interface VariantOnDisk {
  readonly name: string;
  readonly bitsPerWeight: number;
  readonly manifest: VariantManifest;
}

export interface ModelOnDisk {
  readonly name: string;
  /** Holds `config.json` and `tokenizer.json`: the checkpoint, or a variant where there is none. */
  readonly directory: string;
  readonly config: LlamaConfig;
  readonly contextTokens: number;
  readonly createdAtMs: number;
  readonly card: ModelCard;
  /** Most bits first. */
  readonly variants: readonly VariantOnDisk[];
}

type OnBroken = (directory: string, error: unknown) => void;

/** Every model that has a checkpoint in `modelsDir` or a built variant in `dataDir`, by name. */
export async function readModels(
  modelsDir: string,
  dataDir: string,
  onBroken: OnBroken,
): Promise<readonly ModelOnDisk[]> {
  const checkpoints = await namesIn(modelsDir, MODEL_NAME);
  const built = await namesIn(variantsDirectory(dataDir, '.'), MODEL_NAME);
  const names = [...new Set([...checkpoints, ...built])].toSorted();
  const models = await Promise.all(
    names.map(async (name) => {
      const variants = await readVariants(dataDir, name, onBroken);
      const directories = [
        join(modelsDir, name),
        ...variants.map((variant) => variantDirectory(dataDir, name, variant.name)),
      ];
      return readModel(name, directories, variants, onBroken);
    }),
  );
  return models.filter((model) => model !== undefined);
}

async function readModel(
  name: string,
  directories: readonly string[],
  variants: readonly VariantOnDisk[],
  onBroken: OnBroken,
): Promise<ModelOnDisk | undefined> {
  for (const directory of directories) {
    if (!(await exists(join(directory, 'config.json')))) continue;
    try {
      const config = await readLlamaConfig(directory);
      const createdAtMs = (await stat(join(directory, 'config.json'))).mtimeMs;
      const card = parseModelCard(await readFile(join(directory, 'README.md'), 'utf8').catch(() => ''));
      return { name, directory, config, contextTokens: config.contextTokens, createdAtMs, card, variants };
    } catch (error) {
      onBroken(directory, error);
    }
  }
  return undefined;
}

async function readVariants(
  dataDir: string,
  model: string,
  onBroken: OnBroken,
): Promise<readonly VariantOnDisk[]> {
  const names = await namesIn(variantsDirectory(dataDir, model), VARIANT_NAME);
  const variants = await Promise.all(
    names.map(async (name) => {
      const directory = variantDirectory(dataDir, model, name);
      try {
        const manifest = await readVariantManifest(directory);
        return { name, bitsPerWeight: manifest.bitsPerWeight, manifest };
      } catch (error) {
        onBroken(directory, error);
        return undefined;
      }
    }),
  );
  return variants
    .filter((variant) => variant !== undefined)
    .toSorted((a, b) => b.bitsPerWeight - a.bitsPerWeight);
}

/** Folders that a model or variant may have; other folders are none of ours. */
async function namesIn(directory: string, pattern: RegExp): Promise<readonly string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => (entry.isDirectory() || entry.isSymbolicLink()) && pattern.test(entry.name))
    .map((entry) => entry.name);
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
