import { describe, expect, it } from 'vitest';
import { decoderLinears, linearTensorName, parseLlamaConfig } from '#model-store';
import { plannedLinears } from './planned-linears.js';
import { planFloat32, planUniform, type QuantizationPlan } from './quantization-plan.js';
import { packedQkv, storedMatrices } from './stored-matrices.js';

const config = parseLlamaConfig({
  model_type: 'llama',
  rms_norm_eps: 1e-5,
  hidden_size: 128,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  intermediate_size: 256,
  vocab_size: 64,
  max_position_embeddings: 64,
});

const withBits = (plan: QuantizationPlan, tensor: string, bits: 4 | 8): QuantizationPlan => ({
  ...plan,
  entries: plan.entries.map((entry) => (entry.tensor === tensor ? { ...entry, bits } : entry)),
});

describe('storedMatrices', () => {
  it('holds queries, keys and values of a layer in one matrix where their formats agree', () => {
    const value = linearTensorName(1, 'v');
    const linears = plannedLinears(config, withBits(planUniform(config, 4, 64), value, 8));
    expect(packedQkv(linears, 0)).toMatchObject({ bits: 4, rows: 128 + 64 + 64, columns: 128 });
    expect(packedQkv(linears, 1)).toBeUndefined();
  });

  it.each([planUniform(config, 8, 128), planFloat32(config)])('stores every tensor once', (plan) => {
    const stored = storedMatrices(plannedLinears(config, plan), config.layers);
    const tensors = stored.flatMap((matrix) => matrix.tensors);
    expect(tensors).toEqual([...decoderLinears(config).map(({ tensor }) => tensor), 'lm_head.weight']);
  });

  it('leaves float32 matrices apart', () => {
    expect(packedQkv(plannedLinears(config, planFloat32(config)), 0)).toBeUndefined();
  });
});
