import { availableParallelism } from 'node:os';
import { expect, it } from 'vitest';
import { servingFactsOf } from './show-serving.js';

const info = {
  vocabSize: 1_000,
  contextTokens: 512,
  slots: 4,
  cacheTokens: 1_024,
  kvCacheBytes: 1_024 * 96,
  blockTokens: 16,
  blocks: 10,
};

it('says how the model is run, with the settings that were left open filled in', () => {
  expect(servingFactsOf({ DROVER_THREADS: 3, DROVER_SPECULATION: 'off' }, info)).toEqual({
    threads: 3,
    spinning: false,
    speculation: false,
    cacheTokens: 1_024,
    kvCacheBytes: 98_304,
    prefixCacheBytes: 15_360,
  });
  const { slots: _, cacheTokens: __, ...paged } = { ...info, sequences: 4, stepTokens: 64, topLogits: 64 };
  expect(servingFactsOf({ DROVER_THREADS: 1, DROVER_SPECULATION: 'on' }, paged)).toMatchObject({
    cacheTokens: 160,
    prefixCacheBytes: 0,
  });
  const chosen = servingFactsOf({ DROVER_THREADS: 0, DROVER_SPECULATION: 'on' }, { ...info, blocks: 0 });
  expect(chosen).toMatchObject({ speculation: true, prefixCacheBytes: 0 });
  expect(chosen.threads).toBe(Math.max(1, Math.floor(availableParallelism() / 2)));
});
