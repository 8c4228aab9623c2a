import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelRunner, TokenTextDecoder } from '#engine';
import { readVariantManifest, variantDirectory } from '#model-store';
import { createOnnxModelRunner } from '#onnx-runner';
import { ensureVariants, SHAPE_1B, writeRandomVariant } from '#quantizer';
import { loadTokenizer } from '#tokenizer';

const MODEL = 'drover-tiny';
const MODELS_DIR = 'models';
const DATA_DIR = '.data';

/** Room for the prompts of all slots. */
const PREFIX_CACHE_BYTES = 2 ** 30;

export type ShapeName = 'default' | '1b';

/** A model to measure, loaded, with a load that suits its size. */
export interface BenchShape {
  readonly name: ShapeName;
  readonly bitsPerWeight: number;
  readonly runner: ModelRunner;
  readonly promptTokens: number;
  readonly decodeSteps: number;
  /** Of the requests that share it in the prefix cache's case. */
  readonly systemPromptTokens: number;
  readonly createDecoder: () => TokenTextDecoder;
  close(): Promise<void>;
}

export interface BenchRunnerOptions {
  readonly slots: number;
  readonly threads: number;
}

/** One variant of the default model; it is built where it is missing, and its tokenizer turns tokens into text. */
export async function openDefaultShape(variant: string, options: BenchRunnerOptions): Promise<BenchShape> {
  await ensureVariants({ modelsDir: MODELS_DIR, dataDir: DATA_DIR, model: MODEL, variants: [variant] });
  const directory = variantDirectory(DATA_DIR, MODEL, variant);
  const { bitsPerWeight } = await readVariantManifest(directory);
  const tokenizer = await loadTokenizer(directory);
  const runner = await openRunner(directory, 1024, options);
  return {
    name: 'default',
    bitsPerWeight,
    runner,
    promptTokens: 256,
    decodeSteps: 200,
    systemPromptTokens: 1000,
    createDecoder: () => tokenizer.createTextDecoder(),
    close: () => runner.close(),
  };
}

/** Llama-3.2-1B's shape with random weights, 4 bits in blocks of 128; removed when closed unless kept. */
export async function open1bShape(keep: boolean, options: BenchRunnerOptions): Promise<BenchShape> {
  const directory = join(DATA_DIR, 'bench', 'llama-1b-random');
  const remove = () => rm(directory, { recursive: true, force: true });
  const { bitsPerWeight } = await writeRandomVariant({ shape: SHAPE_1B, bits: 4, directory, seed: 1 });
  const runner = await openRunner(directory, 544, options).catch(async (error: unknown) => {
    await remove();
    throw error;
  });
  return {
    name: '1b',
    bitsPerWeight,
    runner,
    promptTokens: 128,
    decodeSteps: 16,
    systemPromptTokens: 512,
    // A model nobody trained has no tokenizer.
    createDecoder: () => ({ push: () => '', flush: () => '' }),
    close: async () => {
      await runner.close();
      if (!keep) await remove();
    },
  };
}

function openRunner(
  directory: string,
  contextTokens: number,
  { slots, threads }: BenchRunnerOptions,
): Promise<ModelRunner> {
  const modelPath = join(directory, 'model.onnx');
  return createOnnxModelRunner({
    modelPath,
    device: 'cpu',
    slots,
    contextTokens,
    threads,
    prefixCacheBytes: PREFIX_CACHE_BYTES,
  });
}
