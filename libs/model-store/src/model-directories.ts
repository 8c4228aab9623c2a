import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { MODEL_NAME } from '#contracts';
import { hasCode, isFileMissing } from './read-json.js';

/** Where the built variants of a model lie. */
export function variantsDirectory(dataDir: string, model: string): string {
  return join(dataDir, 'variants', model);
}

export function variantDirectory(dataDir: string, model: string, variant: string): string {
  return join(variantsDirectory(dataDir, model), variant);
}

/** Names of the checkpoints in `modelsDir`: folders with a `config.json` and a name that a model may have. */
export async function listModels(modelsDir: string): Promise<string[]> {
  const entries = await readdir(modelsDir, { withFileTypes: true });
  const models: string[] = [];
  for (const { name } of entries) {
    if (MODEL_NAME.test(name) && (await holdsConfig(join(modelsDir, name)))) models.push(name);
  }
  return models.toSorted();
}

async function holdsConfig(directory: string): Promise<boolean> {
  try {
    return (await readdir(directory)).includes('config.json');
  } catch (error) {
    if (isFileMissing(error) || hasCode(error, 'ENOTDIR')) return false;
    throw error;
  }
}
