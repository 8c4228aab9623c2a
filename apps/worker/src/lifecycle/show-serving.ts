import type { WorkerSettings } from '#config';
import type { ModelRunnerInfo, PagedRunnerInfo } from '#engine';
import { threadPoolOf } from '#onnx-runner';
import type { WorkerContext } from '../worker-context.js';

type RunnerInfo = ModelRunnerInfo | PagedRunnerInfo;

/** How a loaded model is run, with what its settings left open filled in. */
export interface ServingFacts {
  readonly threads: number;
  readonly spinning: boolean;
  readonly speculation: boolean;
  /** Tokens that the key-value cache holds over all sequences. */
  readonly cacheTokens: number;
  readonly kvCacheBytes: number;
  /** Of common beginnings, where they lie apart from the key-value cache. */
  readonly prefixCacheBytes: number;
}

export function servingFactsOf(
  settings: Pick<WorkerSettings, 'DROVER_THREADS' | 'DROVER_SPECULATION'>,
  info: RunnerInfo,
): ServingFacts {
  const { threads, spins } = threadPoolOf(settings.DROVER_THREADS);
  const { kvCacheBytes, blocks, blockTokens } = info;
  const storeTokens = blocks * blockTokens;
  // Without slots the blocks are the cache itself.
  const [cacheTokens, prefixTokens] = 'slots' in info ? [info.cacheTokens, storeTokens] : [storeTokens, 0];
  return {
    threads,
    spinning: spins,
    speculation: settings.DROVER_SPECULATION === 'on',
    cacheTokens,
    kvCacheBytes,
    prefixCacheBytes: prefixTokens * (kvCacheBytes / cacheTokens),
  };
}

/** Tells log and metrics how the model is run. */
export function showServing({ settings, workerMetrics, logger }: WorkerContext, info: RunnerInfo): void {
  const facts = servingFactsOf(settings, info);
  logger.info(facts, 'model loaded');
  const { threads, spinning, speculation, prefixCacheBytes } = facts;
  workerMetrics.serving.set({ threads, spinning: String(spinning), speculation: String(speculation) }, 1);
  workerMetrics.prefixCacheBytes.set(prefixCacheBytes);
}
