import { describe, expect, it } from 'vitest';
import { parseLlamaConfig } from './llama-config.js';
import { checkpointShapes, countParameters } from './llama-tensors.js';
import { estimateVariantMemory } from './variant-memory.js';

const LLAMA_3_8B = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: 4096,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  intermediate_size: 14_336,
  vocab_size: 128_256,
  rms_norm_eps: 1e-5,
  rope_theta: 500_000,
  max_position_embeddings: 8192,
  eos_token_id: [128_001, 128_009],
};

describe('parseLlamaConfig', () => {
  it('counts the parameters of Llama-3-8B as its authors do', () => {
    expect(countParameters(parseLlamaConfig(LLAMA_3_8B))).toBe(8_030_261_248);
  });

  it('derives what a configuration leaves out', () => {
    const { num_key_value_heads: _, ...older } = LLAMA_3_8B;
    expect(parseLlamaConfig(older)).toMatchObject({
      headDim: 128,
      keyValueHeads: 32,
      ropeScaling: null,
      tieWordEmbeddings: false,
      endTokenIds: [128_001, 128_009],
    });
  });

  it('reads rotary settings in the old form and the new', () => {
    const llama3 = {
      rope_type: 'llama3',
      factor: 8,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 8192,
    };
    const { rope_theta: _, ...rest } = LLAMA_3_8B;
    const old = parseLlamaConfig({ ...LLAMA_3_8B, rope_scaling: llama3 });
    const recent = parseLlamaConfig({ ...rest, rope_parameters: { ...llama3, rope_theta: 500_000 } });
    expect(recent).toEqual(old);
    expect(old.ropeScaling).toMatchObject({ type: 'llama3', factor: 8, originalContextTokens: 8192 });
  });

  it('names every field at fault, and the file', () => {
    expect(() =>
      parseLlamaConfig({ ...LLAMA_3_8B, hidden_size: 0, vocab_size: 'many' }, 'x/config.json'),
    ).toThrow(/x\/config\.json.*hidden_size.*vocab_size/);
  });

  it('has a tied model do without a head', () => {
    const tied = parseLlamaConfig({ ...LLAMA_3_8B, tie_word_embeddings: true });
    expect(checkpointShapes(tied).has('lm_head.weight')).toBe(false);
  });
});

describe('estimateVariantMemory', () => {
  const config = parseLlamaConfig(LLAMA_3_8B);
  const manifest = (bits: 4 | 8, blockSize: number) => ({
    plan: [...checkpointShapes(config).keys()].map((tensor) => ({ tensor, bits, blockSize })),
    kvCache: { type: 'f32' as const },
  });

  it('takes bits + 64/block per weight of decoder and head', () => {
    const weights = 6_979_321_856 + 525_336_576;
    const options = { config, manifest: manifest(4, 128), slots: 1, contextTokens: 1 };
    expect(estimateVariantMemory(options).weightsBytes).toBe((weights * 4.5) / 8);
  });

  it('takes 256 KiB of keys and values per token', () => {
    const options = { config, manifest: manifest(8, 128), slots: 4, contextTokens: 8192 };
    expect(estimateVariantMemory(options).kvCacheBytes).toBe(4 * 8192 * 262_144);
  });

  it('takes a quarter of that for an int8 cache', () => {
    const kvCache = { type: 'int8' as const, scales: [] };
    const options = { config, manifest: { ...manifest(8, 128), kvCache }, slots: 4, contextTokens: 8192 };
    expect(estimateVariantMemory(options).kvCacheBytes).toBe(4 * 8192 * 65_536);
  });

  it('sums its parts', () => {
    const options = { config, manifest: manifest(8, 64), slots: 2, contextTokens: 100 };
    const { weightsBytes, kvCacheBytes, scratchBytes, totalBytes } = estimateVariantMemory(options);
    expect(totalBytes).toBe(weightsBytes + kvCacheBytes + scratchBytes);
  });
});
