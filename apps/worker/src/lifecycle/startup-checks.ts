import { stat } from 'node:fs/promises';
import type { WorkerSettings } from '#config';
import { bitsPerWeightOf, kvCacheOf, variantDeviceOf, type KvCacheType } from '#contracts';
import {
  estimateVariantMemory,
  ModelFormatError,
  readLlamaConfig,
  variantDirectory,
  verifyVariant,
  type LlamaConfig,
  type VariantMemory,
  type VariantManifest,
} from '#model-store';
import type { WorkerDevice } from '../device/open-device.js';
import { EXIT_CODES, StartupError } from './exit-codes.js';
import { fitPool } from './fit-pool.js';
import { chooseContext, fitVariant } from './fit-variant.js';
import { cacheBudgetOf, neededBytesWithin } from './memory-budget.js';

/** The variant a worker serves, found whole and fit for this machine. */
export interface PinnedVariant {
  readonly directory: string;
  readonly bitsPerWeight: number;
  /** Most tokens of one sequence, prompt and generated together. */
  readonly contextTokens: number;
  /** Most memory for keys and values of texts; undefined where all of them fit in full. */
  readonly kvCacheBytes: number | undefined;
}

/**
 * Everything that can be known before the model is loaded.
 * @throws StartupError with the exit code of what is wrong and the next step.
 */
export async function checkStartup(
  settings: WorkerSettings,
  { device, gpu }: WorkerDevice,
): Promise<PinnedVariant> {
  const { DROVER_DATA_DIR, DROVER_MODEL, DROVER_VARIANT } = settings;
  const directory = variantDirectory(DROVER_DATA_DIR, DROVER_MODEL, DROVER_VARIANT);
  const manifest = await findWholeVariant(directory, settings);
  const config = await readLlamaConfig(directory);
  const fit = variantDeviceOf(DROVER_VARIANT) === 'gpu' ? fitBlocks : fitSlots;
  const availableBytes = device.kind === 'cpu' ? process.availableMemory() : gpuBytes(gpu);
  return {
    directory,
    bitsPerWeight: manifest.bitsPerWeight,
    ...fit({ settings, manifest, config, availableBytes }),
  };
}

interface Variant {
  readonly settings: WorkerSettings;
  readonly manifest: VariantManifest;
  readonly config: LlamaConfig;
  /** Bytes of the device that this process can still get. */
  readonly availableBytes: number;
}

type Fit = Pick<PinnedVariant, 'contextTokens' | 'kvCacheBytes'>;

function fitSlots(variant: Variant): Fit {
  const { settings, config, availableBytes } = variant;
  const budget = cacheBudgetOf(settings);
  const contextTokens = fitVariant({
    contextSetting: settings.DROVER_CONTEXT,
    slots: settings.DROVER_SLOTS,
    modelContextTokens: config.contextTokens,
    neededBytes: (tokens) => neededBytesWithin(budget, memoryOf(variant, tokens)),
    availableBytes,
  });
  return { contextTokens, kvCacheBytes: budget.kvCacheBytes };
}

function fitBlocks(variant: Variant): Fit {
  const { settings, manifest, config, availableBytes } = variant;
  const sequences = settings.DROVER_SLOTS;
  const contextTokens = chooseContext({
    contextSetting: settings.DROVER_CONTEXT,
    modelContextTokens: config.contextTokens,
  });
  const memory = memoryOf(variant, contextTokens);
  // A GPU holds the weights as the file does.
  const weightsBytes = manifest.files['model.onnx.data']?.bytes ?? memory.weightsBytes;
  const kvCacheBytes = fitPool({
    sequences,
    contextTokens,
    tokenBytes: memory.kvCacheBytes / (sequences * contextTokens),
    modelBytes: weightsBytes + memory.scratchBytes,
    askedBytes: cacheBudgetOf(settings).kvCacheBytes,
    availableBytes,
  });
  return { contextTokens, kvCacheBytes };
}

function memoryOf({ settings, manifest, config }: Variant, contextTokens: number): VariantMemory {
  return estimateVariantMemory({
    config,
    manifest,
    slots: settings.DROVER_SLOTS,
    contextTokens,
    prefillChunkTokens: settings.DROVER_PREFILL_CHUNK,
  });
}

/** Where the GPU's memory is unknown its provider says when it is too small. */
function gpuBytes(gpu: WorkerDevice['gpu']): number {
  return (gpu?.availableBytes ?? gpu?.memoryBytes) || Number.POSITIVE_INFINITY;
}

/** Reads every byte: it would be read to load the model anyway, and a flipped bit would else speak nonsense. */
async function findWholeVariant(directory: string, settings: WorkerSettings): Promise<VariantManifest> {
  const { DROVER_MODEL, DROVER_VARIANT, DROVER_MODELS_DIR } = settings;
  const build = `drover quantize ${DROVER_MODELS_DIR}/${DROVER_MODEL} --bits ${bitsPerWeightOf(DROVER_VARIANT)}${cacheOption(DROVER_VARIANT)}`;
  if (!(await isDirectory(directory))) {
    throw new StartupError(
      EXIT_CODES.variantMissing,
      `Variant ${DROVER_VARIANT} of ${DROVER_MODEL} is not built: ${directory} does not exist. Build it with \`${build}\`.`,
    );
  }
  try {
    return await verifyVariant(directory, { sha256: true });
  } catch (error) {
    if (!(error instanceof ModelFormatError)) throw error;
    throw new StartupError(EXIT_CODES.variantDamaged, `${error.message} with \`${build}\`.`, error);
  }
}

const CACHE_OPTIONS = { f32: '', int8: ' --kv int8', f16: ' --device gpu' } satisfies Record<
  KvCacheType,
  string
>;

function cacheOption(variant: string): string {
  return CACHE_OPTIONS[kvCacheOf(variant)];
}

async function isDirectory(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.isDirectory() ?? false;
}
