import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ModelFormatError, isFileMissing } from './read-json.js';
import { sha256File } from './sha256-file.js';
import { readVariantManifest, type VariantManifest } from './variant-manifest.js';

export interface VerifyVariantOptions {
  /** Also compares every file's digest, which reads all of it; sizes are always compared. */
  readonly sha256?: boolean;
  readonly signal?: AbortSignal;
}

/** Throws `ModelFormatError` naming the first file that is missing or not what the manifest says. */
export async function verifyVariant(
  variantDir: string,
  { sha256 = false, signal }: VerifyVariantOptions = {},
): Promise<VariantManifest> {
  const manifest = await readVariantManifest(variantDir);
  for (const [name, facts] of Object.entries(manifest.files)) {
    const path = join(variantDir, name);
    const bytes = await fileBytes(path);
    if (bytes !== facts.bytes) {
      const found = bytes === null ? 'is missing' : `has ${bytes} bytes instead of ${facts.bytes}`;
      throw new ModelFormatError(`${path} ${found}; quantize the model again`);
    }
    if (sha256 && (await sha256File(path, signal)) !== facts.sha256) {
      throw new ModelFormatError(`${path} was changed after it was written; quantize the model again`);
    }
  }
  return manifest;
}

async function fileBytes(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (isFileMissing(error)) return null;
    throw error;
  }
}
