import { mkdtemp, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkpointShapes } from '#model-store';
import { encodeSafetensors, writeRandomCheckpoint, type RandomCheckpointOptions } from '#testing';
import { LlamaCheckpoint } from './llama-checkpoint.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'drover-checkpoint-'));
});
afterEach(() => rm(directory, { recursive: true }));

async function write(name: string, options: RandomCheckpointOptions): Promise<string> {
  const path = join(directory, name);
  await writeRandomCheckpoint(path, options);
  return path;
}

/** All weights of a checkpoint, by tensor. */
async function readAll(path: string): Promise<Map<string, Float32Array>> {
  const checkpoint = await LlamaCheckpoint.open(path);
  try {
    const tensors = new Map<string, Float32Array>();
    for (const tensor of checkpointShapes(checkpoint.config).keys()) {
      const values: number[] = [];
      for await (const rows of checkpoint.rows(tensor)) values.push(...rows);
      tensors.set(tensor, Float32Array.from(values));
    }
    return tensors;
  } finally {
    await checkpoint.close();
  }
}

async function editConfig(path: string, fields: Record<string, unknown>): Promise<void> {
  const file = join(path, 'config.json');
  const config: unknown = JSON.parse(await readFile(file, 'utf8'));
  await writeFile(file, JSON.stringify({ ...Object(config), ...fields }));
}

describe('LlamaCheckpoint', () => {
  it('reads the same weights from one file and from several', async () => {
    const whole = await readAll(await write('whole', {}));
    const shards = await readAll(await write('shards', { shards: 3 }));
    expect(shards).toEqual(whole);
    expect(whole.get('model.layers.0.mlp.down_proj.weight')).toHaveLength(64 * 192);
  });

  it.each([
    ['BF16', 2 ** -7],
    ['F16', 2 ** -10],
  ] as const)('reads %s within its precision', async (type, precision) => {
    const exact = await readAll(await write('exact', {}));
    const halves = await readAll(await write('halves', { type }));
    for (const [tensor, values] of exact) {
      const read = halves.get(tensor)!;
      const apart = values.findIndex(
        (value, i) => Math.abs(read[i]! - value) > Math.abs(value) * precision + 2 ** -14,
      );
      expect({ tensor, apart }).toEqual({ tensor, apart: -1 });
    }
  });

  it('gives a tied head the embedding', async () => {
    const path = await write('tied', { shape: { tieWordEmbeddings: true } });
    const checkpoint = await LlamaCheckpoint.open(path);
    const [head, embedding] = [
      checkpoint.rows('lm_head.weight'),
      checkpoint.rows('model.embed_tokens.weight'),
    ];
    for await (const rows of head) expect(rows).toEqual((await embedding.next()).value);
    expect(await embedding.next()).toMatchObject({ done: true });
    await checkpoint.close();
  });

  it('has another digest when one weight changes', async () => {
    const path = await write('digest', {});
    const digest = async () => {
      const checkpoint = await LlamaCheckpoint.open(path);
      const sha256 = await checkpoint.sha256();
      await checkpoint.close();
      return sha256;
    };
    const before = await digest();
    expect(await digest()).toBe(before);
    const file = join(path, 'model.safetensors');
    const bytes = await readFile(file);
    bytes[bytes.length - 1]! ^= 1;
    await writeFile(file, bytes);
    expect(await digest()).not.toBe(before);
  });

  it('names a folder that is no checkpoint', async () => {
    await expect(LlamaCheckpoint.open('models/nope')).rejects.toThrow(
      'models/nope holds no config.json; name the folder of a Hugging Face Llama checkpoint',
    );
  });

  it('names the tensor at which a file was cut off', async () => {
    const path = await write('cut', {});
    const file = join(path, 'model.safetensors');
    await truncate(file, (await readFile(file)).length - 1);
    await expect(LlamaCheckpoint.open(path)).rejects.toThrow(
      /model\.safetensors: tensor lm_head\.weight ends at byte \d+ of a file of \d+: the file is truncated/,
    );
  });

  it.each([
    [0, 'is 0 bytes long'],
    [7, 'is 7 bytes long'],
    [100, 'announces a header of'],
  ])('refuses a file of %i bytes', async (bytes, message) => {
    const path = await write('short', {});
    await truncate(join(path, 'model.safetensors'), bytes);
    await expect(LlamaCheckpoint.open(path)).rejects.toThrow(message);
  });

  it('names a missing, an extra and a misshapen tensor', async () => {
    const path = await write('tensors', {});
    await editConfig(path, { num_hidden_layers: 3 });
    await expect(LlamaCheckpoint.open(path)).rejects.toThrow(
      'lacks tensor model.layers.2.self_attn.q_proj.weight and 8 more',
    );
    await editConfig(path, { num_hidden_layers: 1 });
    await expect(LlamaCheckpoint.open(path)).rejects.toThrow(/has tensor model\.layers\.1\..*no Llama model/);
    await editConfig(path, { num_hidden_layers: 2, vocab_size: 255 });
    await expect(LlamaCheckpoint.open(path)).rejects.toThrow(
      'tensor model.embed_tokens.weight is [256, 64], config.json asks for [255, 64]',
    );
  });

  it('names a shard that the index lists and the directory lacks', async () => {
    const path = await write('shards', { shards: 2 });
    await rename(join(path, 'model-2-of-2.safetensors'), join(path, 'elsewhere'));
    await expect(LlamaCheckpoint.open(path)).rejects.toThrow(
      'names model-2-of-2.safetensors, which is not there',
    );
  });

  it('does not follow an index out of the checkpoint', async () => {
    const path = await write('escape', { shards: 2 });
    await writeFile(
      join(path, 'model.safetensors.index.json'),
      JSON.stringify({ weight_map: { 'lm_head.weight': '../other.safetensors' } }),
    );
    await expect(LlamaCheckpoint.open(path)).rejects.toThrow(
      '../other.safetensors is outside the checkpoint',
    );
  });

  it('refuses number formats it cannot read', async () => {
    const path = await write('format', {});
    const tensor = { dims: [4], type: 'F8_E4M3', bytes: new Uint8Array(4) };
    await writeFile(
      join(path, 'model.safetensors'),
      encodeSafetensors(new Map([['lm_head.weight', tensor]])),
    );
    await expect(LlamaCheckpoint.open(path)).rejects.toThrow(
      'tensor lm_head.weight is of type F8_E4M3; BF16, F16 and F32 can be read',
    );
  });

  it.each([
    [{ model_type: 'qwen2' }, /model_type/],
    [{ architectures: ['MistralForCausalLM'] }, /only LlamaForCausalLM/],
    [{ attention_bias: true }, /attention_bias/],
    [{ hidden_act: 'gelu' }, /hidden_act/],
    [{ rope_scaling: { rope_type: 'yarn', factor: 2 } }, /rope_scaling of type yarn/],
    [{ quantization_config: { quant_method: 'gptq' } }, /quantized already/],
    [{ head_dim: 24 }, /head_dim 24 is no multiple of 16/],
  ])('refuses a configuration with %o', async (fields, message) => {
    const path = await write('config', {});
    await editConfig(path, fields);
    await expect(LlamaCheckpoint.open(path)).rejects.toThrow(message);
    await expect(LlamaCheckpoint.open(path)).rejects.toThrow(join(path, 'config.json'));
  });
});
