import type { WorkerSettings } from '#config';

const MIB = 2 ** 20;

type CacheSettings = Pick<WorkerSettings, 'DROVER_KV_CACHE_MIB' | 'DROVER_PREFIX_CACHE_MIB'>;

/** What a worker's settings allow its caches. */
export interface CacheBudget {
  /** Undefined where every slot may be full. */
  readonly kvCacheBytes: number | undefined;
  readonly prefixCacheBytes: number;
}

export function cacheBudgetOf(settings: CacheSettings): CacheBudget {
  const { DROVER_KV_CACHE_MIB: kvCacheMib, DROVER_PREFIX_CACHE_MIB: prefixCacheMib } = settings;
  return {
    kvCacheBytes: kvCacheMib === 0 ? undefined : kvCacheMib * MIB,
    prefixCacheBytes: prefixCacheMib * MIB,
  };
}

/** Memory of a worker within its budget, where without one it would take `totalBytes` with full slots. */
export function neededBytesWithin(
  { kvCacheBytes = Number.POSITIVE_INFINITY, prefixCacheBytes }: CacheBudget,
  full: { readonly totalBytes: number; readonly kvCacheBytes: number },
): number {
  return full.totalBytes - full.kvCacheBytes + Math.min(kvCacheBytes, full.kvCacheBytes) + prefixCacheBytes;
}
