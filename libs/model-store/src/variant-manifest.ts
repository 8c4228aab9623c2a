import { join } from 'node:path';
import { z } from 'zod';
import { VARIANT_DEVICES, type VariantDevice } from '#contracts';
import { ModelFormatError, readJson } from './read-json.js';

export const MANIFEST_FILE = 'quant.json';

/** `quant.json`: what a variant is and how to know that its files are whole. */
export interface VariantManifest {
  readonly formatVersion: 1;
  readonly model: string;
  readonly variant: string;
  readonly device: VariantDevice;
  /** Digest over checkpoint, plan and files: the variant's identity. */
  readonly sha256: string;
  readonly targetBitsPerWeight: number;
  /** Achieved bits per weight over the decoder's linear layers, scales included. */
  readonly bitsPerWeight: number;
  readonly headBitsPerWeight: number;
  readonly checkpointSha256: string;
  readonly plan: readonly TensorPlanEntry[];
  readonly kvCache: KvCacheFormat;
  readonly files: Readonly<Record<string, FileFacts>>;
  readonly quality: VariantQuality | null;
  readonly quantizeSeconds: number;
}

export interface TensorPlanEntry {
  readonly tensor: string;
  readonly bits: 4 | 8 | 32;
  /** Weights per scale; 0 where there is none (32 bits). */
  readonly blockSize: number;
}

/** How the graph keeps keys and values. An int8 cache has one entry per layer; stored × scale ≈ value. */
export type KvCacheFormat =
  { readonly type: 'f32' | 'f16' } | { readonly type: 'int8'; readonly scales: readonly LayerKvScales[] };

/** Scales of one layer, `[kvHeads × headDim]` each: a channel has one of its own. */
export interface LayerKvScales {
  readonly keys: readonly number[];
  readonly values: readonly number[];
}

export interface FileFacts {
  readonly sha256: string;
  readonly bytes: number;
}

/** How far predictions are from those of the float32 model, over held-out rows. */
export interface Divergence {
  /** Mean KL divergence from the float32 model in nats per token. */
  readonly klNatsPerToken: number;
  /** Share of positions at which both models rank the same token first. */
  readonly top1Agreement: number;
  readonly tokens: number;
}

export interface VariantQuality extends Divergence {
  /** The same weights with a float32 cache, for a variant with an int8 one: what is left is the cache's cost. */
  readonly withFloat32Cache?: Divergence | undefined;
}

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'a SHA-256 in hex');

const divergence = z.object({ klNatsPerToken: z.number(), top1Agreement: z.number(), tokens: z.int() });
const scales = z.array(z.number().positive());
const kvCache = z.discriminatedUnion('type', [
  z.object({ type: z.literal(['f32', 'f16']) }),
  z.object({ type: z.literal('int8'), scales: z.array(z.object({ keys: scales, values: scales })) }),
]);

const variantManifest = z.object({
  formatVersion: z.literal(1),
  model: z.string(),
  variant: z.string(),
  device: z.enum(VARIANT_DEVICES).default('cpu'),
  sha256,
  targetBitsPerWeight: z.number(),
  bitsPerWeight: z.number(),
  headBitsPerWeight: z.number(),
  checkpointSha256: sha256,
  plan: z.array(z.object({ tensor: z.string(), bits: z.literal([4, 8, 32]), blockSize: z.int().min(0) })),
  kvCache: kvCache.default({ type: 'f32' }),
  files: z.record(z.string().regex(/^[^/\\]+$/, 'a file name'), z.object({ sha256, bytes: z.int().min(0) })),
  quality: divergence.extend({ withFloat32Cache: divergence.optional() }).nullable(),
  quantizeSeconds: z.number(),
});

/** Throws `ModelFormatError` where `quant.json` is no manifest of this version. */
export async function readVariantManifest(variantDir: string): Promise<VariantManifest> {
  const file = join(variantDir, MANIFEST_FILE);
  const parsed = variantManifest.safeParse(await readJson(file));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new ModelFormatError(
    `${file} is no variant manifest: ${issue?.path.join('.')}: ${issue?.message}; quantize the model again`,
  );
}
