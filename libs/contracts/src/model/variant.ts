/**
 * How keys and values are kept: in float32; rounded to 8 bits, a quarter of the memory; or in float16 in blocks on a
 * GPU, for which the whole variant is made.
 */
export const KV_CACHE_TYPES = ['f32', 'int8', 'f16'] as const;
export type KvCacheType = (typeof KV_CACHE_TYPES)[number];

/** Where a variant runs: one for `cpu` on any device, one sequence in a slot; one for `gpu` on GPUs only, in blocks. */
export const VARIANT_DEVICES = ['cpu', 'gpu'] as const;
export type VariantDevice = (typeof VARIANT_DEVICES)[number];

const SUFFIXES = { f32: '', int8: '-kv8', f16: '-gpu' } satisfies Record<KvCacheType, string>;

/**
 * Variants this service makes, by name: target bits per weight over the decoder's linear layers, then `-kv8` where
 * the key-value cache has 8 bits, or `-gpu` where the variant is for GPUs.
 */
export const VARIANT_NAME = /^\d{1,2}_\d(?:-kv8|-gpu)?$/;
export const MODEL_NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/** `6.5` → `6_5`, with an int8 cache `6_5-kv8`, for GPUs `6_5-gpu` */
export function variantNameOf(bitsPerWeight: number, kvCache: KvCacheType = 'f32'): string {
  return `${bitsPerWeight.toFixed(1).replace('.', '_')}${SUFFIXES[kvCache]}`;
}

/** `6_5` → `6.5` */
export function bitsPerWeightOf(variant: string): number {
  return Number(variant.replace(/-.*$/, '').replace('_', '.'));
}

export function kvCacheOf(variant: string): KvCacheType {
  return KV_CACHE_TYPES.find((type) => type !== 'f32' && variant.endsWith(SUFFIXES[type])) ?? 'f32';
}

export function variantDeviceOf(variant: string): VariantDevice {
  return kvCacheOf(variant) === 'f16' ? 'gpu' : 'cpu';
}

export interface ModelRef {
  readonly model: string;
  readonly variant: string;
}

/** Splits `name` or `name:variant`; an absent variant is `undefined`. */
export function parseModelName(text: string): { model: string; variant: string | undefined } {
  const colon = text.indexOf(':');
  if (colon < 0) return { model: text, variant: undefined };
  return { model: text.slice(0, colon), variant: text.slice(colon + 1) };
}
