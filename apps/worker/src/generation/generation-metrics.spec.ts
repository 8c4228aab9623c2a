import { describe, expect, it } from 'vitest';
import type { StepReport } from '#engine';
import { createWorkerMetrics } from '#observability';
import { GenerationMetrics } from './generation-metrics.js';

const step = (part: Partial<StepReport>): StepReport => ({
  deltas: [],
  decodeRows: 0,
  prefillTokens: 0,
  generatedTokens: 0,
  replayedTokens: 0,
  replayedRows: 0,
  prefixQueryTokens: 0,
  prefixHitTokens: 0,
  draftedTokens: 0,
  acceptedTokens: 0,
  preemptions: 0,
  slotsUsed: 0,
  cachedTokens: 0,
  modelMs: 0,
  hiddenMs: 0,
  stepMs: 0,
  ...part,
});

/** Metrics under a clock that the test sets. */
function metricsAt() {
  const clock = { nowMs: 0 };
  const worker = createWorkerMetrics('m', '8_0');
  const metrics = new GenerationMetrics(worker, () => clock.nowMs);
  metrics.modelLoaded({
    vocabSize: 10,
    contextTokens: 100,
    slots: 4,
    cacheTokens: 400,
    kvCacheBytes: 4096,
    blockTokens: 32,
    blocks: 0,
  });
  return { clock, worker, metrics };
}

async function valueOf(
  metric: { get(): Promise<{ values: { value: number; metricName?: string }[] }> },
  name = '',
) {
  const { values } = await metric.get();
  return values.find(({ metricName }) => name === '' || metricName?.endsWith(name))?.value;
}

describe('generation metrics', () => {
  it('counts prompt and generated tokens and shows the fill of slots and cache', async () => {
    const { worker, metrics } = metricsAt();
    metrics.stepDone(step({ prefillTokens: 30, generatedTokens: 1, slotsUsed: 1, cachedTokens: 30 }));
    metrics.stepDone(step({ decodeRows: 2, generatedTokens: 2, slotsUsed: 2, cachedTokens: 100 }));
    expect(await valueOf(worker.promptTokens)).toBe(30);
    expect(await valueOf(worker.generatedTokens)).toBe(3);
    expect(await valueOf(worker.slotsUsed)).toBe(2);
    expect(await valueOf(worker.kvCacheUsedRatio)).toBe(0.25);
  });

  it('counts what the prefix cache and drafts saved and whom the full cache put off', async () => {
    const { worker, metrics } = metricsAt();
    metrics.stepDone(step({ prefixQueryTokens: 64, prefixHitTokens: 32, preemptions: 1, cachedTokens: 100 }));
    metrics.stepDone(
      step({
        prefixQueryTokens: 32,
        prefixHitTokens: 32,
        draftedTokens: 5,
        acceptedTokens: 3,
        cachedTokens: 40,
      }),
    );
    expect(await valueOf(worker.prefixQueryTokens)).toBe(96);
    expect(await valueOf(worker.prefixHitTokens)).toBe(64);
    expect(await valueOf(worker.draftedTokens)).toBe(5);
    expect(await valueOf(worker.acceptedTokens)).toBe(3);
    expect(await valueOf(worker.preemptions)).toBe(1);
    expect(await valueOf(worker.kvCacheTokens)).toBe(40);
    expect(await valueOf(worker.kvCacheCapacityTokens)).toBe(400);
  });

  it('observes the gap between two steps once for every decoded row', async () => {
    const { clock, worker, metrics } = metricsAt();
    metrics.stepDone(step({ generatedTokens: 3 }));
    clock.nowMs = 20;
    metrics.stepDone(step({ decodeRows: 3, generatedTokens: 3 }));
    expect(await valueOf(worker.interTokenSeconds, '_count')).toBe(3);
    expect(await valueOf(worker.interTokenSeconds, '_sum')).toBeCloseTo(0.06);
    expect(await valueOf(worker.batchRows, '_sum')).toBe(3);
  });

  it('observes no gap for a row that only runs a token of an earlier attempt again', async () => {
    const { clock, worker, metrics } = metricsAt();
    clock.nowMs = 20;
    metrics.stepDone(step({ decodeRows: 3, generatedTokens: 1, replayedTokens: 2, replayedRows: 2 }));
    expect(await valueOf(worker.interTokenSeconds, '_count')).toBe(1);
    expect(await valueOf(worker.batchRows, '_sum')).toBe(3);
  });

  it('tells the token rate of the heartbeat and of the gauge alike', async () => {
    const { clock, worker, metrics } = metricsAt();
    clock.nowMs = 1_000;
    metrics.stepDone(step({ generatedTokens: 500 }));
    clock.nowMs = 2_000;
    metrics.sampleGauges();
    expect(metrics.tokensPerSecond()).toBe(500);
    expect(await valueOf(worker.tokensPerSecond)).toBe(500);
    clock.nowMs = 60_000;
    metrics.sampleGauges();
    expect(await valueOf(worker.tokensPerSecond)).toBe(0);
  });
});
