import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readEndTokenIds } from './end-tokens.js';
import { parseLlamaConfig } from './llama-config.js';
import { listModels, variantDirectory } from './model-directories.js';
import { verifyVariant } from './verify-variant.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'drover-store-'));
});
afterEach(() => rm(directory, { recursive: true }));

const digest = (text: string) => createHash('sha256').update(text).digest('hex');

/** A variant directory of one weight file, with its manifest. */
async function writeVariant(weights: string): Promise<void> {
  await writeFile(join(directory, 'model.onnx.data'), weights);
  const manifest = {
    formatVersion: 1,
    model: 'm',
    variant: '6_5',
    sha256: digest('variant'),
    targetBitsPerWeight: 6.5,
    bitsPerWeight: 6.49,
    headBitsPerWeight: 8.125,
    checkpointSha256: digest('checkpoint'),
    plan: [{ tensor: 'lm_head.weight', bits: 8, blockSize: 128 }],
    files: { 'model.onnx.data': { sha256: digest(weights), bytes: weights.length } },
    quality: null,
    quantizeSeconds: 1,
  };
  await writeFile(join(directory, 'quant.json'), JSON.stringify(manifest));
}

describe('verifyVariant', () => {
  it('passes what the manifest describes', async () => {
    await writeVariant('weights');
    expect(await verifyVariant(directory, { sha256: true })).toMatchObject({ variant: '6_5' });
  });

  it('names a file that is gone or has another size', async () => {
    await writeVariant('weights');
    const file = join(directory, 'model.onnx.data');
    await writeFile(file, 'weigh');
    await expect(verifyVariant(directory)).rejects.toThrow(`${file} has 5 bytes instead of 7`);
    await rm(file);
    await expect(verifyVariant(directory)).rejects.toThrow(`${file} is missing`);
  });

  it('names a file with one flipped bit, where digests are asked for', async () => {
    await writeVariant('weights');
    await writeFile(join(directory, 'model.onnx.data'), 'weighTs'.replace('T', 'u'));
    await expect(verifyVariant(directory)).resolves.toBeDefined();
    await expect(verifyVariant(directory, { sha256: true })).rejects.toThrow(/model\.onnx\.data was changed/);
  });

  it.each([
    ['not JSON', '{'],
    ['of another version', '{"formatVersion":2}'],
    ['with files outside its directory', null],
  ])('refuses a manifest %s', async (_, text) => {
    await writeVariant('weights');
    const file = join(directory, 'quant.json');
    const outside = (await readFile(file, 'utf8')).replace('model.onnx.data', '../model.onnx.data');
    await writeFile(file, text ?? outside);
    await expect(verifyVariant(directory)).rejects.toThrow(file);
  });
});

describe('model directories', () => {
  it('lists folders with a configuration and a name that a model may have', async () => {
    for (const folder of ['tiny', 'big-8b', 'Upper', '.hidden', 'empty'])
      await mkdir(join(directory, folder));
    for (const folder of ['tiny', 'big-8b', 'Upper', '.hidden']) {
      await writeFile(join(directory, folder, 'config.json'), '{}');
    }
    await writeFile(join(directory, 'notes'), '');
    expect(await listModels(directory)).toEqual(['big-8b', 'tiny']);
  });

  it('puts a variant below its model', () => {
    expect(variantDirectory('data', 'tiny', '6_5')).toBe(join('data', 'variants', 'tiny', '6_5'));
  });
});

describe('end tokens', () => {
  const config = parseLlamaConfig({
    model_type: 'llama',
    hidden_size: 64,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    intermediate_size: 64,
    vocab_size: 8,
    rms_norm_eps: 1e-5,
    max_position_embeddings: 8,
    eos_token_id: 3,
  });

  it('come from the generation configuration, else from the model’s', async () => {
    expect(await readEndTokenIds(directory, config)).toEqual([3]);
    await writeFile(join(directory, 'generation_config.json'), '{"eos_token_id":[5,6]}');
    expect(await readEndTokenIds(directory, config)).toEqual([5, 6]);
    await writeFile(join(directory, 'generation_config.json'), '{}');
    expect(await readEndTokenIds(directory, config)).toEqual([3]);
  });

  it('are refused where they are no token ids', async () => {
    await writeFile(join(directory, 'generation_config.json'), '{"eos_token_id":"<|eot_id|>"}');
    await expect(readEndTokenIds(directory, config)).rejects.toThrow(/generation_config\.json: eos_token_id/);
  });
});
