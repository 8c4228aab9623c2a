import { describe, expect, it } from 'vitest';
import { parseLlamaConfig } from '#model-store';
import { rotaryCache, rotaryFrequencies } from './rotary-cache.js';

const config = (fields: Record<string, unknown> = {}) =>
  parseLlamaConfig({
    model_type: 'llama',
    rms_norm_eps: 1e-5,
    hidden_size: 512,
    num_hidden_layers: 1,
    num_attention_heads: 4,
    intermediate_size: 64,
    vocab_size: 16,
    max_position_embeddings: 8,
    rope_theta: 500_000,
    ...fields,
  });

describe('rotary cache', () => {
  it('starts unrotated and turns the first pair by one radian per position', () => {
    const { cos, sin } = rotaryCache(config());
    const pairs = 64;
    expect([...cos.subarray(0, pairs)]).toEqual(Array.from({ length: pairs }, () => 1));
    expect(cos[3 * pairs]).toBe(Math.fround(Math.cos(3)));
    expect(sin[3 * pairs]).toBe(Math.fround(Math.sin(3)));
    expect(cos).toHaveLength(8 * pairs);
  });

  it('divides all frequencies for linear scaling', () => {
    const plain = rotaryFrequencies(config());
    const scaled = rotaryFrequencies(config({ rope_scaling: { type: 'linear', factor: 4 } }));
    expect(scaled).toEqual(plain.map((frequency) => frequency / 4));
  });

  it('keeps fast waves, slows slow ones and blends between for llama3 scaling', () => {
    const plain = rotaryFrequencies(config());
    const scaled = rotaryFrequencies(
      config({
        rope_scaling: {
          rope_type: 'llama3',
          factor: 8,
          low_freq_factor: 1,
          high_freq_factor: 4,
          original_max_position_embeddings: 8192,
        },
      }),
    );
    const ratios = scaled.map((frequency, i) => plain[i]! / frequency);
    expect(ratios[0]).toBe(1);
    expect(ratios.at(-1)).toBeCloseTo(8, 12);
    expect(ratios).toEqual(ratios.toSorted((a, b) => a - b));
    expect(ratios.some((ratio) => ratio > 1.1 && ratio < 7.9)).toBe(true);
    // A wave of 8192/2.5 positions lies half way between the bounds, and gets half of each.
    const middle = plain.findIndex((frequency) => (8192 * frequency) / (2 * Math.PI) < 2.5);
    const turns = (8192 * plain[middle]!) / (2 * Math.PI);
    const share = (turns - 1) / 3;
    expect(scaled[middle]).toBeCloseTo(plain[middle]! * (share + (1 - share) / 8), 15);
  });
});
