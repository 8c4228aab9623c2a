import { stat } from 'node:fs/promises';
import type { WorkerSettings } from '#config';
import { bitsPerWeightOf, kvCacheOf, type KvCacheType } from '#contracts';
import {
  estimateVariantMemory,
  ModelFormatError,
  readLlamaConfig,
  variantDirectory,
  verifyVariant,
  type VariantManifest,
} from '#model-store';
import type { WorkerDevice } from '../device/open-device.js';
import { EXIT_CODES, StartupError } from './exit-codes.js';
import { fitVariant } from './fit-variant.js';
import { cacheBudgetOf, neededBytesWithin } from './memory-budget.js';

/** The variant a worker serves, found whole and fit for this machine. */
export interface PinnedVariant {
  readonly directory: string;
  readonly bitsPerWeight: number;
  /** Most tokens of one sequence, prompt and generated together. */
  readonly contextTokens: number;
}

/**
 * Everything that can be known before the model is loaded.
 * @throws StartupError with the exit code of what is wrong and the next step.
 */
export async function checkStartup(
  settings: WorkerSettings,
  { device, gpu }: WorkerDevice,
): Promise<PinnedVariant> {
  const { DROVER_DATA_DIR, DROVER_MODEL, DROVER_VARIANT, DROVER_SLOTS } = settings;
  const directory = variantDirectory(DROVER_DATA_DIR, DROVER_MODEL, DROVER_VARIANT);
  const manifest = await findWholeVariant(directory, settings);
  const config = await readLlamaConfig(directory);
  const contextTokens = fitVariant({
    contextSetting: settings.DROVER_CONTEXT,
    slots: DROVER_SLOTS,
    modelContextTokens: config.contextTokens,
    neededBytes: (tokens) =>
      neededBytesWithin(
        cacheBudgetOf(settings),
        estimateVariantMemory({
          config,
          manifest,
          slots: DROVER_SLOTS,
          contextTokens: tokens,
          prefillChunkTokens: settings.DROVER_PREFILL_CHUNK,
        }),
      ),
    availableBytes: device.kind === 'cpu' ? process.availableMemory() : gpuBytes(gpu),
  });
  return { directory, bitsPerWeight: manifest.bitsPerWeight, contextTokens };
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
