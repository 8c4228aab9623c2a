import type { CacheManager } from '../ports/cache-manager.port.js';
import type { ModelRunner } from '../ports/model-runner.port.js';
import type { PagedRunner } from '../ports/paged-runner.port.js';
import { BlockCacheManager } from './block-cache-manager.js';
import { SlotCacheManager } from './slot-cache-manager.js';

/**
 * The manager that fits how a runner lays out its cache.
 * @param wantsPrefixes false computes common beginnings of prompts for each sequence anew
 */
export function openCache(runner: ModelRunner | PagedRunner, wantsPrefixes: boolean): CacheManager {
  return isPaged(runner)
    ? new BlockCacheManager(runner, wantsPrefixes)
    : new SlotCacheManager(runner, wantsPrefixes);
}

function isPaged(runner: ModelRunner | PagedRunner): runner is PagedRunner {
  return 'copyBlocks' in runner;
}
