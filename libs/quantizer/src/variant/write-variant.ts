import { createHash } from 'node:crypto';
import { copyFile, open, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { variantDeviceOf, variantNameOf } from '#contracts';
import {
  MANIFEST_FILE,
  readEndTokenIds,
  sha256File,
  type Divergence,
  type FileFacts,
  type KvCacheFormat,
  type VariantManifest,
  type VariantQuality,
} from '#model-store';
import type { WeightSource } from '../checkpoint/weight-source.js';
import { calibrateKvCache } from '../kv-cache/calibrate-kv-cache.js';
import { calibrationRows } from '../kv-cache/calibration-rows.js';
import { MODEL_FILE, writeModelFile, type LlamaModelFile } from '../onnx/write-llama-model.js';
import { writeWeights } from '../onnx/write-weights.js';
import type { QuantizationPlan } from '../plan/quantization-plan.js';
import { toGenaiConfig } from './genai-config.js';

/** Files a variant takes over unchanged where the checkpoint has them. */
const COPIED_FILES = [
  'config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'chat_template.jinja',
  'README.md',
  'LICENSE',
];

export interface WriteVariantOptions {
  readonly model: string;
  readonly source: WeightSource;
  readonly checkpointDir: string;
  readonly checkpointSha256: string;
  readonly plan: QuantizationPlan;
  /** Exists and is empty. */
  readonly directory: string;
  readonly signal?: AbortSignal | undefined;
  readonly onTensor?: ((tensor: string, done: number, total: number) => void) | undefined;
  readonly onCalibration?: ((row: number, rows: number) => void) | undefined;
  /** Called once the model is written; what it returns goes into the manifest. */
  readonly measure?: ((modelPath: string) => Promise<Divergence | null>) | undefined;
}

/** Fills `directory` with everything of a variant; `quant.json` comes last. */
export async function writeVariant(options: WriteVariantOptions): Promise<VariantManifest> {
  const { model, source, checkpointSha256, plan, directory, signal } = options;
  const startedMs = performance.now();
  const weights = await writeWeights(options);
  const quantizeSeconds = (performance.now() - startedMs) / 1000;
  await writeCompanions(options);
  const { kvCache, quality } = await writeMeasuredModel(options, {
    config: source.config,
    plan,
    weights,
    kvCache: { type: plan.kvCache === 'f16' ? 'f16' : 'f32' },
  });

  const variant = variantNameOf(plan.targetBitsPerWeight, plan.kvCache);
  const facts = {
    formatVersion: 1,
    model,
    variant,
    device: variantDeviceOf(variant),
    targetBitsPerWeight: plan.targetBitsPerWeight,
    bitsPerWeight: plan.bitsPerWeight,
    headBitsPerWeight: plan.headBitsPerWeight,
    checkpointSha256,
    plan: plan.entries,
    kvCache,
    files: await fileFacts(directory, signal),
  } as const;
  const sha256 = createHash('sha256').update(JSON.stringify(facts)).digest('hex');
  const manifest: VariantManifest = { ...facts, sha256, quality, quantizeSeconds };
  await writeDurably(join(directory, MANIFEST_FILE), toJson(manifest));
  return manifest;
}

/**
 * Writes `model.onnx` and measures it. An int8 cache takes its scales from the same weights with a float32 cache: that
 * graph is written first, and replaced.
 */
async function writeMeasuredModel(
  { checkpointDir, directory, signal, measure, onCalibration }: WriteVariantOptions,
  model: LlamaModelFile,
): Promise<{ kvCache: KvCacheFormat; quality: VariantQuality | null }> {
  const { config, plan, kvCache } = model;
  const modelPath = join(directory, MODEL_FILE);
  await writeModelFile(directory, model);
  const quality = (await measure?.(modelPath)) ?? null;
  if (plan.kvCache !== 'int8') return { kvCache, quality };

  const rows = await calibrationRows(checkpointDir, config);
  const scales = await calibrateKvCache({ modelPath, config, rows, signal, onRow: onCalibration });
  const int8 = { type: 'int8', scales } as const;
  await writeModelFile(directory, { ...model, kvCache: int8 });
  const measured = await measure?.(modelPath);
  return { kvCache: int8, quality: measured && quality ? { ...measured, withFloat32Cache: quality } : null };
}

async function writeCompanions(options: WriteVariantOptions): Promise<void> {
  const { checkpointDir, directory, source, plan } = options;
  const present = new Set(await readdir(checkpointDir));
  for (const file of COPIED_FILES.filter((name) => present.has(name))) {
    await copyFile(join(checkpointDir, file), join(directory, file));
  }
  const endTokenIds = await readEndTokenIds(checkpointDir, source.config);
  if (!present.has('generation_config.json')) {
    const generation = { bos_token_id: source.config.bosTokenId ?? undefined, eos_token_id: endTokenIds };
    await writeFile(join(directory, 'generation_config.json'), `${JSON.stringify(generation, null, 1)}\n`);
  }
  // Of paged models onnxruntime-genai has a schema of its own.
  if (plan.kvCache === 'f16') return;
  const genai = toGenaiConfig({ ...source.config, endTokenIds }, MODEL_FILE);
  await writeFile(join(directory, 'genai_config.json'), `${JSON.stringify(genai, null, 1)}\n`);
}

async function fileFacts(directory: string, signal?: AbortSignal): Promise<Record<string, FileFacts>> {
  const facts: Record<string, FileFacts> = {};
  for (const name of (await readdir(directory)).toSorted()) {
    const path = join(directory, name);
    facts[name] = { sha256: await sha256File(path, signal), bytes: (await stat(path)).size };
  }
  return facts;
}

/** JSON with a line for each field, but lists of numbers on one. */
function toJson(value: unknown): string {
  const lines = JSON.stringify(value, null, 1);
  return `${lines.replaceAll(/\[[-+\d.e,\s]+\]/g, (list) => list.replaceAll(/\s+/g, ''))}\n`;
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx');
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}
