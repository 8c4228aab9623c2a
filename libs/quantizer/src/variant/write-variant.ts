import { createHash } from 'node:crypto';
import { copyFile, open, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { variantNameOf } from '#contracts';
import {
  MANIFEST_FILE,
  readEndTokenIds,
  sha256File,
  type FileFacts,
  type VariantManifest,
  type VariantQuality,
} from '#model-store';
import type { WeightSource } from '../checkpoint/weight-source.js';
import { MODEL_FILE, writeLlamaModel } from '../onnx/write-llama-model.js';
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
  /** Called once the model is written; what it returns goes into the manifest. */
  readonly measure?: ((modelPath: string) => Promise<VariantQuality>) | undefined;
}

/** Fills `directory` with everything of a variant; `quant.json` comes last. */
export async function writeVariant(options: WriteVariantOptions): Promise<VariantManifest> {
  const { model, source, checkpointSha256, plan, directory, signal, onTensor } = options;
  const startedMs = performance.now();
  await writeLlamaModel({ source, plan, directory, signal, onTensor });
  const quantizeSeconds = (performance.now() - startedMs) / 1000;
  await writeCompanions(options);
  const quality = (await options.measure?.(join(directory, MODEL_FILE))) ?? null;

  const facts = {
    formatVersion: 1,
    model,
    variant: variantNameOf(plan.targetBitsPerWeight),
    targetBitsPerWeight: plan.targetBitsPerWeight,
    bitsPerWeight: plan.bitsPerWeight,
    headBitsPerWeight: plan.headBitsPerWeight,
    checkpointSha256,
    plan: plan.entries,
    files: await fileFacts(directory, signal),
  } as const;
  const sha256 = createHash('sha256').update(JSON.stringify(facts)).digest('hex');
  const manifest: VariantManifest = { ...facts, sha256, quality, quantizeSeconds };
  await writeDurably(join(directory, MANIFEST_FILE), `${JSON.stringify(manifest, null, 1)}\n`);
  return manifest;
}

async function writeCompanions({ checkpointDir, directory, source }: WriteVariantOptions): Promise<void> {
  const present = new Set(await readdir(checkpointDir));
  for (const file of COPIED_FILES.filter((name) => present.has(name))) {
    await copyFile(join(checkpointDir, file), join(directory, file));
  }
  const endTokenIds = await readEndTokenIds(checkpointDir, source.config);
  if (!present.has('generation_config.json')) {
    const generation = { bos_token_id: source.config.bosTokenId ?? undefined, eos_token_id: endTokenIds };
    await writeFile(join(directory, 'generation_config.json'), `${JSON.stringify(generation, null, 1)}\n`);
  }
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

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx');
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}
