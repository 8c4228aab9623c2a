import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { KvCacheFormat, LlamaConfig } from '#model-store';
import type { QuantizationPlan } from '../plan/quantization-plan.js';
import { kvScaleInitializers } from './kv-scales.js';
import { buildLlamaGraph } from './llama-graph.js';
import { encodeOnnxModel, type OnnxInitializer } from './onnx-model.js';
import { buildPagedLlamaGraph, pagedConstants } from './paged-llama-graph.js';
import { writeWeights, type WriteWeightsOptions } from './write-weights.js';

export const MODEL_FILE = 'model.onnx';

export interface LlamaModelFile {
  readonly config: LlamaConfig;
  readonly plan: QuantizationPlan;
  /** What `writeWeights` stored for this plan. */
  readonly weights: readonly OnnxInitializer[];
  readonly kvCache: KvCacheFormat;
}

/** Writes `model.onnx` beside its weights; one that exists is replaced. */
export async function writeModelFile(directory: string, model: LlamaModelFile): Promise<void> {
  const { config, plan, weights, kvCache } = model;
  const paged = kvCache.type === 'f16';
  const graph = paged ? buildPagedLlamaGraph(config, plan) : buildLlamaGraph(config, plan, kvCache.type);
  const constants = paged ? pagedConstants(config) : kvScaleInitializers(config, kvCache);
  const file = await open(join(directory, MODEL_FILE), 'w');
  try {
    await file.writeFile(encodeOnnxModel(graph, [...weights, ...constants]));
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Writes weights and graph of a model with a float32 cache: `model.onnx` and `model.onnx.data`. */
export async function writeLlamaModel(options: WriteWeightsOptions): Promise<void> {
  const { source, plan, directory } = options;
  const weights = await writeWeights(options);
  await writeModelFile(directory, { config: source.config, plan, weights, kvCache: { type: 'f32' } });
}
