import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { variantNameOf, type KvCacheType } from '#contracts';
import {
  ModelFormatError,
  countParameters,
  type Divergence,
  type LlamaConfig,
  type VariantManifest,
} from '#model-store';
import { LlamaCheckpoint } from '../checkpoint/llama-checkpoint.js';
import { MODEL_FILE, writeLlamaModel } from '../onnx/write-llama-model.js';
import { planBits } from '../plan/plan-bits.js';
import { FLOAT32_BITS, planFloat32, type QuantizationPlan } from '../plan/quantization-plan.js';
import { heldOutRows } from '../quality/held-out-rows.js';
import { measureDivergence } from '../quality/measure-divergence.js';
import { openMeasured } from '../quality/open-measured.js';
import { withBuildLock } from './build-lock.js';
import { buildInto, removeLeftovers, withStaging } from './staging.js';
import { writeVariant } from './write-variant.js';

/** Beyond this the float32 export that quality is measured against takes gigabytes, and each row minutes. */
const MAX_MEASURED_PARAMETERS = 500_000_000;

export interface QuantizeProgress {
  /** `reference` is the float32 export that variants are measured against. */
  readonly stage: 'reference' | 'quantize' | 'calibrate' | 'measure';
  readonly variant: string;
  /** What is being written; the row for `calibrate` and `measure`. */
  readonly tensor: string;
  readonly done: number;
  readonly total: number;
}

interface VariantTarget {
  readonly bitsPerWeight: number;
  readonly kvCache: KvCacheType;
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
  readonly targets: readonly VariantTarget[];
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
    const plans = planTargets(checkpoint.config, options.targets);
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

/** One plan per variant, however often it is asked for. */
function planTargets(config: LlamaConfig, targets: readonly VariantTarget[]): QuantizationPlan[] {
  const plans = targets.map(({ bitsPerWeight, kvCache }) => planBits(config, bitsPerWeight, kvCache));
  return [...new Map(plans.map((plan) => [nameOf(plan), plan])).values()];
}

function nameOf({ targetBitsPerWeight, kvCache }: QuantizationPlan): string {
  return variantNameOf(targetBitsPerWeight, kvCache);
}

async function neededPlans(
  plans: readonly QuantizationPlan[],
  isNeeded: BuildVariantsOptions['isNeeded'],
): Promise<QuantizationPlan[]> {
  const needed: QuantizationPlan[] = [];
  for (const plan of plans) if (await isNeeded(nameOf(plan))) needed.push(plan);
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

/** Null where this machine cannot run the variant. */
type Measure = (plan: QuantizationPlan, modelPath: string) => Promise<Divergence | null>;

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
      const variant = nameOf(plan);
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
          onCalibration: this.#reportRows('calibrate', variant),
          measure: measure && ((modelPath) => measure(plan, modelPath)),
        }),
      );
      built.push({ variant, directory, manifest });
    }
    return built;
  }

  /** Exports float32 into `referenceDir` and returns how to measure a variant against it. */
  async #openMeasure(referenceDir: string): Promise<Measure> {
    const { checkpointDir, signal } = this.#options;
    const rows = await heldOutRows(checkpointDir, this.#checkpoint.config);
    await writeLlamaModel({
      source: this.#checkpoint,
      plan: planFloat32(this.#checkpoint.config),
      directory: referenceDir,
      signal,
      onTensor: this.#reportTensors('reference', variantNameOf(FLOAT32_BITS)),
    });
    const referencePath = join(referenceDir, MODEL_FILE);
    const longestRow = Math.max(...rows.map((row) => row.length));
    return async (plan, modelPath) => {
      const candidate = await openMeasured(modelPath, plan.kvCache, longestRow);
      if (candidate === null) return null;
      try {
        const onRow = this.#reportRows('measure', nameOf(plan));
        return await measureDivergence({ referencePath, candidate, rows, signal, onRow });
      } finally {
        await candidate.close();
      }
    };
  }

  #reportTensors(stage: QuantizeProgress['stage'], variant: string) {
    return (tensor: string, done: number, total: number) =>
      this.#options.onProgress?.({ stage, variant, tensor, done, total });
  }

  #reportRows(stage: QuantizeProgress['stage'], variant: string) {
    return (done: number, total: number) =>
      this.#options.onProgress?.({ stage, variant, tensor: `row ${done + 1}`, done, total });
  }
}
