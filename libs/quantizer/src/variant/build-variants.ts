import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { variantNameOf } from '#contracts';
import { ModelFormatError, countParameters, type VariantManifest, type VariantQuality } from '#model-store';
import { LlamaCheckpoint } from '../checkpoint/llama-checkpoint.js';
import { MODEL_FILE, writeLlamaModel } from '../onnx/write-llama-model.js';
import { planBits } from '../plan/plan-bits.js';
import { FLOAT32_BITS, planFloat32, type QuantizationPlan } from '../plan/quantization-plan.js';
import { heldOutRows } from '../quality/held-out-rows.js';
import { measureQuality } from '../quality/measure-quality.js';
import { withBuildLock } from './build-lock.js';
import { buildInto, removeLeftovers, withStaging } from './staging.js';
import { writeVariant } from './write-variant.js';

/** Beyond this the float32 export that quality is measured against takes gigabytes, and each row minutes. */
const MAX_MEASURED_PARAMETERS = 500_000_000;

export interface QuantizeProgress {
  /** `reference` is the float32 export that variants are measured against. */
  readonly stage: 'reference' | 'quantize' | 'measure';
  readonly variant: string;
  /** What is being written; the row for `measure`. */
  readonly tensor: string;
  readonly done: number;
  readonly total: number;
}

export interface BuiltVariant {
  readonly variant: string;
  readonly directory: string;
  readonly manifest: VariantManifest;
}

export interface BuildVariantsOptions {
  readonly checkpointDir: string;
  readonly outputDir: string;
  readonly model: string;
  readonly bitsPerWeight: readonly number[];
  /** Asked once no other process builds here. */
  readonly isNeeded: (variant: string) => Promise<boolean>;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: QuantizeProgress) => void) | undefined;
}

/** Builds the needed variants one after the other, each renamed into place once it is whole and measured. */
export async function buildVariants(options: BuildVariantsOptions): Promise<BuiltVariant[]> {
  const { checkpointDir, outputDir, signal } = options;
  const checkpoint = await LlamaCheckpoint.open(checkpointDir);
  try {
    await requireTokenizer(checkpointDir);
    const plans = [...new Set(options.bitsPerWeight)].map((bits) => planBits(checkpoint.config, bits));
    await mkdir(outputDir, { recursive: true });
    return await withBuildLock(outputDir, signal, async (lockSignal) => {
      await removeLeftovers(outputDir);
      const build = new VariantBuild({ ...options, signal: lockSignal }, checkpoint);
      return build.run(await neededPlans(plans, options.isNeeded));
    });
  } finally {
    await checkpoint.close();
  }
}

async function neededPlans(
  plans: readonly QuantizationPlan[],
  isNeeded: BuildVariantsOptions['isNeeded'],
): Promise<QuantizationPlan[]> {
  const needed: QuantizationPlan[] = [];
  for (const plan of plans) if (await isNeeded(variantNameOf(plan.targetBitsPerWeight))) needed.push(plan);
  return needed;
}

async function requireTokenizer(checkpointDir: string): Promise<void> {
  const present = await readdir(checkpointDir);
  const missing = ['tokenizer.json', 'tokenizer_config.json'].filter((file) => !present.includes(file));
  if (missing.length === 0) return;
  throw new ModelFormatError(
    `${checkpointDir} lacks ${missing.join(' and ')}, without which a variant cannot serve; ` +
      'export the tokenizer in the format of Hugging Face tokenizers',
  );
}

type Measure = (variant: string, modelPath: string) => Promise<VariantQuality>;

class VariantBuild {
  readonly #options: BuildVariantsOptions;
  readonly #checkpoint: LlamaCheckpoint;

  constructor(options: BuildVariantsOptions, checkpoint: LlamaCheckpoint) {
    this.#options = options;
    this.#checkpoint = checkpoint;
  }

  async run(plans: readonly QuantizationPlan[]): Promise<BuiltVariant[]> {
    if (plans.length === 0) return [];
    const checkpointSha256 = await this.#checkpoint.sha256(this.#options.signal);
    if (countParameters(this.#checkpoint.config) > MAX_MEASURED_PARAMETERS) {
      return this.#buildAll(plans, checkpointSha256);
    }
    return withStaging(this.#options.outputDir, async (referenceDir) =>
      this.#buildAll(plans, checkpointSha256, await this.#openMeasure(referenceDir)),
    );
  }

  async #buildAll(
    plans: readonly QuantizationPlan[],
    checkpointSha256: string,
    measure?: Measure,
  ): Promise<BuiltVariant[]> {
    const built: BuiltVariant[] = [];
    for (const plan of plans) {
      const variant = variantNameOf(plan.targetBitsPerWeight);
      const directory = join(this.#options.outputDir, variant);
      const manifest = await buildInto(directory, (staging) =>
        writeVariant({
          model: this.#options.model,
          source: this.#checkpoint,
          checkpointDir: this.#options.checkpointDir,
          checkpointSha256,
          plan,
          directory: staging,
          signal: this.#options.signal,
          onTensor: this.#reportTensors('quantize', variant),
          measure: measure && ((modelPath) => measure(variant, modelPath)),
        }),
      );
      built.push({ variant, directory, manifest });
    }
    return built;
  }

  /** Exports float32 into `referenceDir` and returns how to measure a variant against it. */
  async #openMeasure(referenceDir: string): Promise<Measure> {
    const { checkpointDir, signal, onProgress } = this.#options;
    const rows = await heldOutRows(checkpointDir, this.#checkpoint.config);
    await writeLlamaModel({
      source: this.#checkpoint,
      plan: planFloat32(this.#checkpoint.config),
      directory: referenceDir,
      signal,
      onTensor: this.#reportTensors('reference', variantNameOf(FLOAT32_BITS)),
    });
    const referencePath = join(referenceDir, MODEL_FILE);
    return (variant, candidatePath) =>
      measureQuality({
        referencePath,
        candidatePath,
        rows,
        signal,
        onRow: (done, total) =>
          onProgress?.({ stage: 'measure', variant, tensor: `row ${done + 1}`, done, total }),
      });
  }

  #reportTensors(stage: QuantizeProgress['stage'], variant: string) {
    return (tensor: string, done: number, total: number) =>
      this.#options.onProgress?.({ stage, variant, tensor, done, total });
  }
}
