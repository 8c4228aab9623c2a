import { describe, expect, it } from 'vitest';
import { KV_CACHE_TYPES, VARIANT_NAME, bitsPerWeightOf, kvCacheOf, variantNameOf } from './variant.js';

describe('a variant’s name', () => {
  it.each([4.5, 5, 6.5, 8, 32].flatMap((bits) => KV_CACHE_TYPES.map((type) => [bits, type] as const)))(
    'says its %f bits per weight and its %s cache',
    (bits, type) => {
      const name = variantNameOf(bits, type);
      expect(name).toMatch(VARIANT_NAME);
      expect(bitsPerWeightOf(name)).toBe(bits);
      expect(kvCacheOf(name)).toBe(type);
    },
  );

  it.each(['6.5', '6_5-kv4', '6_5-kv8-kv8', '6_5-kv8-gpu', '6_5-gpus', '../6_5', '6_5/', '6_5-'])(
    'is not %s',
    (name) => {
      expect(name).not.toMatch(VARIANT_NAME);
    },
  );
});
