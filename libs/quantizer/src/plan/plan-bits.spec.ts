import { describe, expect, it } from 'vitest';
import { decoderLinears, parseLlamaConfig, type LlamaConfig } from '#model-store';
import { planBits } from './plan-bits.js';
import { planUniform, type QuantizationPlan } from './quantization-plan.js';

const llama = (shape: Record<string, unknown>): LlamaConfig =>
  parseLlamaConfig({ model_type: 'llama', rms_norm_eps: 1e-5, ...shape });

const droverTiny = llama({
  hidden_size: 192,
  num_hidden_layers: 6,
  num_attention_heads: 6,
  num_key_value_heads: 2,
  head_dim: 32,
  intermediate_size: 512,
  vocab_size: 1024,
  max_position_embeddings: 1024,
});
const llama8b = llama({
  hidden_size: 4096,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  intermediate_size: 14_336,
  vocab_size: 128_256,
  max_position_embeddings: 8192,
});

/** Bits counted the long way: every block's integers and its 16-bit scale. */
function countBits(config: LlamaConfig, plan: QuantizationPlan): number {
  let bits = 0;
  let weights = 0;
  for (const { tensor, rows, columns } of decoderLinears(config)) {
    const entry = plan.entries.find((one) => one.tensor === tensor)!;
    const blocks = rows * Math.ceil(columns / entry.blockSize);
    bits += blocks * (entry.blockSize * entry.bits + 16);
    weights += rows * columns;
  }
  return bits / weights;
}

const bitsOf = (plan: QuantizationPlan, part: string) =>
  plan.entries.filter(({ tensor }) => tensor.includes(part)).map(({ bits }) => bits);

describe('planBits', () => {
  describe.each([
    ['drover-tiny', droverTiny],
    ['Llama-3-8B', llama8b],
  ])('for %s', (_, config) => {
    it.each([8, 6.5, 5])('comes within 0.05 of %f bits per weight and does not exceed it', (target) => {
      const plan = planBits(config, target);
      expect(plan.bitsPerWeight).toBeCloseTo(countBits(config, plan), 9);
      expect(plan.bitsPerWeight).toBeLessThanOrEqual(target);
      expect(plan.bitsPerWeight).toBeGreaterThan(target - 0.05);
    });

    it('stores the head in 8 bits whatever the target', () => {
      for (const target of [8, 6.5, 5]) expect(bitsOf(planBits(config, target), 'lm_head')).toEqual([8]);
    });

    it('plans every linear layer once, the head last', () => {
      const tensors = planBits(config, 6.5).entries.map(({ tensor }) => tensor);
      expect(tensors).toEqual([...decoderLinears(config).map(({ tensor }) => tensor), 'lm_head.weight']);
    });

    it('uses blocks that divide the rows', () => {
      const plan = planBits(config, 6.5);
      for (const { tensor, columns } of decoderLinears(config)) {
        expect(columns % plan.entries.find((entry) => entry.tensor === tensor)!.blockSize).toBe(0);
      }
    });
  });

  it('gives attention values 8 bits before all, and the middle of the feed-forward last', () => {
    const plan = planBits(llama8b, 5);
    expect(new Set(bitsOf(plan, 'v_proj'))).toEqual(new Set([8]));
    expect(bitsOf(plan, 'layers.16.mlp.up_proj')).toEqual([4]);
    expect(bitsOf(planBits(llama8b, 6.5), 'layers.0.mlp.up_proj')).toEqual([8]);
  });

  it.each([4, 9, 31])('refuses %f bits with the range that can be reached', (target) => {
    expect(() => planBits(llama8b, target)).toThrow(/allow 4\.250 to 8\.125, or 32/);
  });

  it('uses blocks of 32 in variants for GPUs, which reach their target as others do', () => {
    const plan = planBits(llama8b, 6.5, 'f16');
    expect(new Set(plan.entries.map(({ blockSize }) => blockSize))).toEqual(new Set([32]));
    expect(plan.bitsPerWeight).toBeCloseTo(countBits(llama8b, plan), 9);
    expect(plan.bitsPerWeight).toBeLessThanOrEqual(6.5);
    expect(plan.bitsPerWeight).toBeGreaterThan(6.45);
    expect(() => planBits(llama8b, 32, 'f16')).toThrow('computes in float16');
  });

  it('quantizes nothing at 32 bits', () => {
    expect(new Set(planBits(droverTiny, 32).entries.map(({ bits }) => bits))).toEqual(new Set([32]));
  });
});

describe('planUniform', () => {
  it('costs 4 bits and a share of the scale', () => {
    expect(planUniform(llama8b, 4, 128).bitsPerWeight).toBe(4 + 16 / 128);
  });
});
