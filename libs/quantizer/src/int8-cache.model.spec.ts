import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createOnnxModelRunner, evaluateLogits } from '#onnx-runner';
import { droverTinyCheckpoint, readGoldenChats } from '#testing';
import { NOTHING_COMPARED, addComparisons, compareLogits, toDivergence } from './quality/compare-logits.js';
import { quantizeCheckpoint } from './quantize-checkpoint.js';

const VOCAB = 1024;
const CONTEXT = 256;

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'drover-int8-cache-'));
  const checkpointDir = droverTinyCheckpoint();
  await quantizeCheckpoint({ checkpointDir, outputDir: directory, bitsPerWeight: [32], kvCache: 'int8' });
  await quantizeCheckpoint({ checkpointDir, outputDir: directory, bitsPerWeight: [32] });
});
afterAll(() => rm(directory, { recursive: true }));

const modelPath = (variant: string) => join(directory, variant, 'model.onnx');

const openRunner = async (variant: string) => {
  const options = { device: 'cpu', slots: 2, contextTokens: CONTEXT, threads: 1 };
  const runner = await createOnnxModelRunner({ modelPath: modelPath(variant), ...options });
  onTestFinished(() => runner.close());
  return runner;
};

/** Logits of every position from the prompt's last on, as a service computes them: chunks, then token by token. */
async function servedLogits(tokens: Int32Array, prompt: number): Promise<Float32Array> {
  const runner = await openRunner('32_0-kv8');
  const logits: Float32Array[] = [];
  const half = 2 * Math.floor(prompt / 4);
  for (const [from, to] of [
    [0, half],
    [half, prompt],
  ] as const) {
    const chunk = { slot: 1, tokenIds: tokens.slice(from, to), startPosition: from };
    const step = {
      exact: false,
      decodes: [],
      prefills: [{ ...chunk, logitPositions: to === prompt ? 1 : 0 }],
    };
    const { prefills } = await runner.run(step);
    if (to === prompt) logits.push(prefills[0]![0]!.slice());
  }
  for (let position = prompt; position < tokens.length; position++) {
    const row = { slot: 1, tokenId: tokens[position]!, position };
    const { decodes } = await runner.run({ exact: false, decodes: [row], prefills: [] });
    logits.push(decodes[0]!.slice());
  }
  return Float32Array.from(logits.flatMap((row) => [...row]));
}

describe('a variant with an int8 cache', () => {
  it('takes a quarter of the cache’s memory', async () => {
    const [int8, float32] = [await openRunner('32_0-kv8'), await openRunner('32_0')];
    expect(int8.info.kvCacheBytes * 4).toBe(float32.info.kvCacheBytes);
  });

  it('predicts nearly what float32 does when chunks and single tokens read what others stored', async () => {
    const exact = await evaluateLogits({ modelPath: modelPath('32_0'), threads: 1 });
    onTestFinished(() => exact.close());
    let compared = NOTHING_COMPARED;
    for (const { promptIds, greedyIds } of await readGoldenChats()) {
      const tokens = Int32Array.from([...promptIds, ...greedyIds]).slice(0, CONTEXT);
      const reference = (await exact.run(tokens)).subarray((promptIds.length - 1) * VOCAB);
      const served = await servedLogits(tokens, promptIds.length);
      compared = addComparisons(compared, compareLogits(reference, served, VOCAB));
    }
    const { klNatsPerToken, top1Agreement } = toDivergence(compared);
    expect(klNatsPerToken).toBeGreaterThan(0);
    expect(klNatsPerToken).toBeLessThan(2e-3);
    expect(top1Agreement).toBeGreaterThan(0.97);
  });
});
