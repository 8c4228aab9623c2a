/** How keys and values are kept: in float32, or rounded to 8 bits, a quarter of the memory. */
export const KV_CACHE_TYPES = ['f32', 'int8'] as const;
export type KvCacheType = (typeof KV_CACHE_TYPES)[number];

const INT8_CACHE_SUFFIX = '-kv8';

/**
 * Variants this service makes, by name: target bits per weight over the decoder's linear layers, then `-kv8` where
 * the key-value cache has 8 bits.
 */
export const VARIANT_NAME = new RegExp(`^\\d{1,2}_\\d(${INT8_CACHE_SUFFIX})?$`);
export const MODEL_NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/** `6.5` → `6_5`, with an int8 cache `6_5-kv8` */
export function variantNameOf(bitsPerWeight: number, kvCache: KvCacheType = 'f32'): string {
  const bits = bitsPerWeight.toFixed(1).replace('.', '_');
  return kvCache === 'int8' ? `${bits}${INT8_CACHE_SUFFIX}` : bits;
}

/** `6_5` → `6.5` */
export function bitsPerWeightOf(variant: string): number {
  return Number(variant.replace(INT8_CACHE_SUFFIX, '').replace('_', '.'));
}

export function kvCacheOf(variant: string): KvCacheType {
  return variant.endsWith(INT8_CACHE_SUFFIX) ? 'int8' : 'f32';
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
