import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseLlamaConfig, type LayerKvScales } from '#model-store';
import { evaluateLogits } from '#onnx-runner';
import { calibrateKvCache } from './kv-cache/calibrate-kv-cache.js';
import { calibrationRows } from './kv-cache/calibration-rows.js';
import { writeLlamaModel, writeModelFile } from './onnx/write-llama-model.js';
import { writeWeights } from './onnx/write-weights.js';
import { planFloat32 } from './plan/quantization-plan.js';
import { randomWeights } from './random/random-weights.js';
import { referenceLogits, type StoreInCache } from './reference-llama.fixture.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'drover-reference-'));
});
afterEach(() => rm(directory, { recursive: true }));

/** Llama-3.2's construction at a small size: scaled frequencies of all three kinds, a tied head, grouped heads. */
const LLAMA_3_2 = {
  model_type: 'llama',
  hidden_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 32,
  intermediate_size: 96,
  vocab_size: 128,
  rms_norm_eps: 1e-5,
  rope_theta: 500,
  max_position_embeddings: 128,
  tie_word_embeddings: true,
  rope_scaling: {
    rope_type: 'llama3',
    factor: 8,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 32,
  },
};
const TOKENS = Array.from({ length: 72 }, (_, i) => (i * 37 + 5) % 128);

const randomLlama = (fields: Record<string, unknown> = {}) =>
  randomWeights(parseLlamaConfig({ ...LLAMA_3_2, ...fields }), 7);

async function exportedLogits(): Promise<Float32Array> {
  const model = await evaluateLogits({ modelPath: join(directory, 'model.onnx'), threads: 1 });
  try {
    return await model.run(Int32Array.from(TOKENS));
  } finally {
    await model.close();
  }
}

function largestDifference(exported: Float32Array, reference: readonly Float64Array[]): number {
  const expected = reference.flatMap((row) => [...row]);
  expect(exported).toHaveLength(expected.length);
  return expected.reduce((largest, value, i) => Math.max(largest, Math.abs(value - exported[i]!)), 0);
}

/** int8 and back, ties to even. */
function roundToCache(scales: readonly LayerKvScales[]): StoreInCache {
  return (vector, layer, part) =>
    vector.map((value, channel) => {
      const scale = scales[layer]![part][channel]!;
      const steps = value / scale;
      const even = 2 * Math.round(steps / 2);
      const rounded = Math.abs(steps - even) === 0.5 ? even : Math.round(steps);
      return scale * Math.min(127, Math.max(-128, rounded));
    });
}

describe('export of Llama 3.2’s construction', () => {
  it.each([
    ['scaled frequencies and a tied head', {}],
    ['scaled frequencies and a head of its own', { tie_word_embeddings: false }],
    ['plain frequencies', { rope_scaling: null }],
  ])('computes what the architecture defines: %s', async (_, fields) => {
    const source = randomLlama(fields);
    await writeLlamaModel({ source, plan: planFloat32(source.config), directory });
    const reference = await referenceLogits(source, TOKENS);
    expect(largestDifference(await exportedLogits(), reference)).toBeLessThan(2e-4);
  });

  it('would differ visibly without the scaling', async () => {
    const source = randomLlama({ rope_scaling: null });
    await writeLlamaModel({ source, plan: planFloat32(source.config), directory });
    const scaled = await referenceLogits(randomLlama(), TOKENS);
    expect(largestDifference(await exportedLogits(), scaled)).toBeGreaterThan(0.1);
  });
});

describe('int8 cache', () => {
  it('is attention over keys and values rounded to the manifest’s scales', async () => {
    const source = randomLlama();
    const { config } = source;
    const plan = planFloat32(config);
    const weights = await writeWeights({ source, plan, directory });
    await writeModelFile(directory, { config, plan, weights, kvCache: { type: 'f32' } });
    const rows = await calibrationRows(directory, config);
    const modelPath = join(directory, 'model.onnx');
    const scales = await calibrateKvCache({ modelPath, config, rows });
    await writeModelFile(directory, { config, plan, weights, kvCache: { type: 'int8', scales } });

    const exported = await exportedLogits();
    const rounded = await referenceLogits(source, TOKENS, roundToCache(scales));
    const exact = await referenceLogits(source, TOKENS);
    // The last bit of float32 decides some roundings; each moves an element by one step.
    expect(largestDifference(exported, rounded)).toBeLessThan(largestDifference(exported, exact) / 4);
  });
});
