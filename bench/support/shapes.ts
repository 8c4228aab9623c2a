import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelRunner, PagedRunner, TokenTextDecoder } from '#engine';
import { readLlamaConfig, readVariantManifest, variantDirectory } from '#model-store';
import { createOnnxModelRunner, createPagedRunner } from '#onnx-runner';
import { ensureVariants, SHAPE_1B, writeRandomVariant } from '#quantizer';
import { loadTokenizer } from '#tokenizer';
import { PREFILL_CHUNK_TOKENS, slotContextTokens } from './measure-engine.js';
import { weightBytes } from './weight-bytes.js';

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
  /** Bytes of weights that a step reads. */
  readonly stepBytes: number;
  readonly runner: ModelRunner | PagedRunner;
  /** Most that its runner takes. */
  readonly sequences: number;
  readonly promptTokens: number;
  readonly decodeSteps: number;
  /** Of the requests that share it in the prefix cache's case. */
  readonly systemPromptTokens: number;
  readonly createDecoder: () => TokenTextDecoder;
  close(): Promise<void>;
}

export interface BenchRunnerOptions {
  /** `cpu`: a cache in slots; any GPU: in blocks, of a variant for GPUs. */
  readonly device: string;
  readonly sequences: number;
  readonly threads: number;
  /** Instead of the shape's own. */
  readonly promptTokens: number | undefined;
  readonly decodeSteps: number | undefined;
}

/** One variant of the default model; it is built where it is missing, and its tokenizer turns tokens into text. */
export async function openDefaultShape(variant: string, options: BenchRunnerOptions): Promise<BenchShape> {
  await ensureVariants({ modelsDir: MODELS_DIR, dataDir: DATA_DIR, model: MODEL, variants: [variant] });
  const directory = variantDirectory(DATA_DIR, MODEL, variant);
  const tokenizer = await loadTokenizer(directory);
  return openShape(directory, options, {
    name: 'default',
    promptTokens: options.promptTokens ?? 256,
    decodeSteps: options.decodeSteps ?? 200,
    systemPromptTokens: 1000,
    createDecoder: () => tokenizer.createTextDecoder(),
  });
}

/** Llama-3.2-1B's shape with random weights, 4 bits in blocks of 128; removed when closed unless kept. */
export async function open1bShape(keep: boolean, options: BenchRunnerOptions): Promise<BenchShape> {
  const kvCache = options.device === 'cpu' ? 'f32' : 'f16';
  const directory = join(DATA_DIR, 'bench', `llama-1b-random-${kvCache}`);
  const remove = () => rm(directory, { recursive: true, force: true });
  await writeRandomVariant({ shape: SHAPE_1B, bits: 4, kvCache, directory, seed: 1 });
  try {
    const shape = await openShape(directory, options, {
      name: '1b',
      promptTokens: options.promptTokens ?? 128,
      decodeSteps: options.decodeSteps ?? 16,
      systemPromptTokens: 512,
      // A model nobody trained has no tokenizer.
      createDecoder: () => ({ push: () => '', flush: () => '' }),
    });
    const close = async () => {
      await shape.close();
      if (!keep) await remove();
    };
    return { ...shape, close };
  } catch (error) {
    await remove();
    throw error;
  }
}

type Load = Pick<
  BenchShape,
  'name' | 'promptTokens' | 'decodeSteps' | 'systemPromptTokens' | 'createDecoder'
>;

/** Of the prefix cache's and the drafts' cases: a question and its answer behind a system prompt. */
const REUSE_TOKENS = 24;

async function openShape(directory: string, options: BenchRunnerOptions, load: Load): Promise<BenchShape> {
  const { bitsPerWeight, headBitsPerWeight } = await readVariantManifest(directory);
  const config = await readLlamaConfig(directory);
  const { sequences } = options;
  const contextTokens = Math.max(
    slotContextTokens({ ...load, sequences }),
    load.systemPromptTokens + REUSE_TOKENS,
  );
  if (contextTokens > config.contextTokens) {
    throw new Error(
      `${sequences} sequences take a context of ${contextTokens} tokens, the model has ${config.contextTokens}. ` +
        'Lower --sequences, --prompt or --steps.',
    );
  }
  const runner = await openRunner(directory, contextTokens, options);
  return {
    ...load,
    bitsPerWeight,
    stepBytes: weightBytes(config, bitsPerWeight, headBitsPerWeight),
    runner,
    sequences,
    close: () => runner.close(),
  };
}

function openRunner(
  directory: string,
  contextTokens: number,
  { device, sequences, threads }: BenchRunnerOptions,
): Promise<ModelRunner | PagedRunner> {
  const modelPath = join(directory, 'model.onnx');
  if (device !== 'cpu') {
    const stepTokens = sequences + PREFILL_CHUNK_TOKENS;
    return createPagedRunner({ modelPath, device, sequences, contextTokens, stepTokens });
  }
  return createOnnxModelRunner({
    modelPath,
    device,
    slots: sequences,
    contextTokens,
    threads,
    prefixCacheBytes: PREFIX_CACHE_BYTES,
  });
}
