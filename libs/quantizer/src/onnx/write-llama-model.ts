import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { KvCacheFormat, LlamaConfig } from '#model-store';
import type { QuantizationPlan } from '../plan/quantization-plan.js';
import { buildCopyBlocksGraph } from './copy-blocks-graph.js';
import { kvScaleInitializers } from './kv-scales.js';
import { buildLlamaGraph } from './llama-graph.js';
import { encodeOnnxModel, type OnnxInitializer } from './onnx-model.js';
import { buildPagedLlamaGraph, pagedConstants } from './paged-llama-graph.js';
import { writeWeights, type WriteWeightsOptions } from './write-weights.js';

export const MODEL_FILE = 'model.onnx';
const COPY_BLOCKS_FILE = 'copy-blocks.onnx';

export interface LlamaModelFile {
  readonly config: LlamaConfig;
  readonly plan: QuantizationPlan;
  /** What `writeWeights` stored for this plan. */
  readonly weights: readonly OnnxInitializer[];
  readonly kvCache: KvCacheFormat;
}

/** Writes `model.onnx` beside its weights; one that exists is replaced. A paged one gets the graph that copies blocks. */
export async function writeModelFile(directory: string, model: LlamaModelFile): Promise<void> {
  const { config, plan, weights, kvCache } = model;
  const modelPath = join(directory, MODEL_FILE);
  if (kvCache.type === 'f16') {
    const graph = buildPagedLlamaGraph(config, plan);
    await writeGraph(modelPath, encodeOnnxModel(graph, [...weights, ...pagedConstants(config)]));
    await writeGraph(join(directory, COPY_BLOCKS_FILE), encodeOnnxModel(buildCopyBlocksGraph(config), []));
  } else {
    const graph = buildLlamaGraph(config, plan, kvCache.type);
    await writeGraph(
      modelPath,
      encodeOnnxModel(graph, [...weights, ...kvScaleInitializers(config, kvCache)]),
    );
  }
}

async function writeGraph(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'w');
  try {
    await file.writeFile(bytes);
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
