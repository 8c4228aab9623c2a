import { basename, resolve } from 'node:path';
import { MODEL_NAME, type KvCacheType } from '#contracts';
import { ModelFormatError } from '#model-store';
import { buildVariants, type BuiltVariant, type QuantizeProgress } from './variant/build-variants.js';

export interface QuantizeCheckpointOptions {
  readonly checkpointDir: string;
  /** Gets one directory per variant, `8_0` and so on; one that exists is replaced. */
  readonly outputDir: string;
  /** Targets over the decoder's linear layers; 32 is the float32 export. */
  readonly bitsPerWeight: readonly number[];
  /** Of all of them, default `f32`; with `int8` they are named `8_0-kv8` and so on. */
  readonly kvCache?: KvCacheType | undefined;
  /** Default: the checkpoint directory's name. */
  readonly model?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: QuantizeProgress) => void) | undefined;
}

/**
 * Builds variants of a Hugging Face Llama checkpoint, each whole or not at all. Their distance from the float32 model
 * is measured and told in the manifest for models up to 500 million parameters.
 *
 * Throws `ModelFormatError` for a checkpoint that cannot be used, `RangeError` for bits that cannot be reached, and
 * the signal's reason.
 */
export async function quantizeCheckpoint(options: QuantizeCheckpointOptions): Promise<BuiltVariant[]> {
  const model = options.model ?? basename(resolve(options.checkpointDir)).toLowerCase();
  if (!MODEL_NAME.test(model)) {
    throw new ModelFormatError(
      `"${model}" cannot name a model: use up to 64 of a-z, 0-9, ".", "_" and "-", a letter or digit first`,
    );
  }
  const { bitsPerWeight, kvCache = 'f32' } = options;
  const targets = bitsPerWeight.map((bits) => ({ bitsPerWeight: bits, kvCache }));
  return buildVariants({ ...options, model, targets, isNeeded: () => Promise.resolve(true) });
}
