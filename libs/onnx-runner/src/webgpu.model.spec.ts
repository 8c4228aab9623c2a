import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, type TestContext } from 'vitest';
import type { ModelRunner } from '#engine';
import { quantizeCheckpoint } from '#quantizer';
import { buildDroverTinyVariant, droverTinyCheckpoint, readGoldenChats } from '#testing';
import { DeviceError } from './device.js';
import { createOnnxModelRunner } from './onnx-model-runner.js';

const openRunner = async (directory: string, device: string): Promise<ModelRunner> => {
  const modelPath = join(directory, 'model.onnx');
  const runner = await createOnnxModelRunner({
    modelPath,
    device,
    slots: 3,
    contextTokens: 128,
    threads: 1,
  });
  onTestFinished(() => runner.close());
  return runner;
};

/** Skips the test where there is no WebGPU adapter at all, and says why. */
async function openOnWebGpu(directory: string, skip: TestContext['skip']): Promise<ModelRunner> {
  return openRunner(directory, 'webgpu').catch((error: unknown) => {
    if (!(error instanceof DeviceError) || !error.message.includes('no WebGPU adapter')) throw error;
    return skip(`no WebGPU here: ${error.message}`);
  });
}

/** Logits of every position from the prompt's last on, as a service computes them: two chunks, then token by token. */
async function servedLogits(
  runner: ModelRunner,
  promptIds: readonly number[],
  decodedIds: readonly number[],
): Promise<Float32Array[]> {
  const half = 2 * Math.floor(promptIds.length / 4);
  const first = { slot: 1, tokenIds: Int32Array.from(promptIds.slice(0, half)), startPosition: 0 };
  const second = { slot: 1, tokenIds: Int32Array.from(promptIds.slice(half)), startPosition: half };
  await runner.run({ decodes: [], prefills: [{ ...first, logitPositions: 0 }], exact: true });
  const { prefills } = await runner.run({
    decodes: [],
    prefills: [{ ...second, logitPositions: 1 }],
    exact: true,
  });
  const rows = [prefills[0]![0]!.slice()];
  for (const [index, tokenId] of decodedIds.entries()) {
    const decode = { slot: 1, tokenId, position: promptIds.length + index };
    const { decodes } = await runner.run({ decodes: [decode], prefills: [], exact: true });
    rows.push(decodes[0]!.slice());
  }
  return rows;
}

describe('a WebGPU device', () => {
  it('computes what the float32 model was trained to answer', async ({ skip }) => {
    const runner = await openOnWebGpu(await buildDroverTinyVariant(32), skip);
    const [chat] = await readGoldenChats();
    const { promptIds, greedyIds, logits } = chat!;
    const rows = await servedLogits(runner, promptIds, greedyIds);
    const differences = rows.map((row, index) => {
      const golden = logits.subarray((promptIds.length - 1 + index) * row.length);
      return largestDifference(row, golden);
    });
    expect(Math.max(...differences)).toBeLessThan(1e-2);
  });

  // Its kernels round activations to 8 bits in other groups than the CPU's: single logits differ by up to 0.3.
  it.for([8, 6.5, 5] as const)('answers at %s bits as the CPU does', async (bits, { skip }) => {
    const directory = await buildDroverTinyVariant(bits);
    const onGpu = await openOnWebGpu(directory, skip);
    const [chat] = await readGoldenChats();
    const { promptIds, greedyIds } = chat!;
    const gpuRows = await servedLogits(onGpu, promptIds, greedyIds);
    const cpuRows = await servedLogits(await openRunner(directory, 'cpu'), promptIds, greedyIds);
    const divergences = gpuRows.map((row, index) => divergence(cpuRows[index]!, row));
    const mean = divergences.reduce((sum, value) => sum + value, 0) / divergences.length;
    expect(mean).toBeLessThan(1e-3);
  });

  it('refuses an int8 cache, which its attention cannot read, and says what to serve', async ({ skip }) => {
    const outputDir = await mkdtemp(join(tmpdir(), 'drover-webgpu-'));
    onTestFinished(() => rm(outputDir, { recursive: true }));
    const checkpointDir = droverTinyCheckpoint();
    await quantizeCheckpoint({ checkpointDir, outputDir, bitsPerWeight: [8], kvCache: 'int8' });
    const opening = openOnWebGpu(join(outputDir, '8_0-kv8'), skip);
    await expect(opening).rejects.toThrow(/Device "webgpu:0".*int8.*without `-kv8`/);
  });
});

function largestDifference(row: Float32Array, other: Float32Array): number {
  return row.reduce((worst, value, index) => Math.max(worst, Math.abs(value - other[index]!)), 0);
}

/** KL divergence in nats of the second row's distribution from the first's. */
function divergence(row: Float32Array, other: Float32Array): number {
  const [logP, logQ] = [logSoftmax(row), logSoftmax(other)];
  return logP.reduce((sum, value, index) => sum + Math.exp(value) * (value - logQ[index]!), 0);
}

function logSoftmax(row: Float32Array): number[] {
  const highest = Math.max(...row);
  const logSum = highest + Math.log(row.reduce((sum, value) => sum + Math.exp(value - highest), 0));
  return Array.from(row, (value) => value - logSum);
}
