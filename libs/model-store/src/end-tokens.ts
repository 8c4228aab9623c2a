import { join } from 'node:path';
import { z } from 'zod';
import { ModelFormatError, isFileMissing, readJson } from './read-json.js';
import { toTokenIds, type LlamaConfig } from './llama-config.js';

const generationConfig = z.looseObject({
  eos_token_id: z.union([z.int().min(0), z.array(z.int().min(0))]).nullish(),
});

/**
 * Tokens that end a text: those of `generation_config.json`, which chat models extend beyond `config.json`; those of
 * `config.json` where it names none or is absent.
 */
export async function readEndTokenIds(modelDir: string, config: LlamaConfig): Promise<readonly number[]> {
  const file = join(modelDir, 'generation_config.json');
  const json = await readJson(file).catch((error: unknown) => {
    if (isFileMissing(error)) return {};
    throw error;
  });
  const parsed = generationConfig.safeParse(json);
  if (!parsed.success) throw new ModelFormatError(`${file}: eos_token_id is neither a token id nor a list`);
  const ids = toTokenIds(parsed.data.eos_token_id);
  return ids.length > 0 ? ids : config.endTokenIds;
}
