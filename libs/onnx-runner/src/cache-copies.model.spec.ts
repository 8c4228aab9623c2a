import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ModelRunner } from '#engine';
import { buildRandomLlama } from '#testing';
import { InvalidStepError } from './check-step.js';
import { createOnnxModelRunner, type OnnxModelRunnerOptions } from './onnx-model-runner.js';

const BLOCK = 32;
const WIDE = { layers: 8, keyValueHeads: 8, attentionHeads: 8, headDim: 64, contextTokens: 1024 } as const;

async function openRunner(
  directory: string,
  options: Partial<OnnxModelRunnerOptions> = {},
): Promise<ModelRunner> {
  const runner = await createOnnxModelRunner({
    modelPath: join(directory, 'model.onnx'),
    device: 'cpu',
    slots: 4,
    contextTokens: 128,
    threads: 1,
    prefixCacheBytes: 1024 * 1024,
    ...options,
  });
  onTestFinished(() => runner.close());
  return runner;
}

const tokensOf = (count: number, seed: number) =>
  Int32Array.from({ length: count }, (_, index) => (index * 31 + seed * 17) % 256);

async function prefill(runner: ModelRunner, slot: number, tokenIds: Int32Array, startPosition = 0) {
  const chunk = { slot, tokenIds: tokenIds.subarray(startPosition), startPosition, logitPositions: 1 };
  const { prefills } = await runner.run({ decodes: [], prefills: [chunk], exact: true });
  return Float32Array.from(prefills[0]![0]!);
}

async function decode(runner: ModelRunner, slot: number, position: number) {
  const { decodes } = await runner.run({
    decodes: [{ slot, tokenId: 7, position }],
    prefills: [],
    exact: true,
  });
  return Float32Array.from(decodes[0]!);
}

describe.each([
  ['float32', () => buildRandomLlama()],
  ['8 bits', () => buildRandomLlama({ hiddenSize: 256, bitsPerWeight: 8, seed: 7 })],
])('with a model of %s', (_, build) => {
  it('a prefix that was loaded and moved is the prefix that was run, bit for bit', async () => {
    const runner = await openRunner(await build());
    const example = fc.record({
      tokens: fc.integer({ min: BLOCK + 1, max: 120 }),
      seed: fc.nat(1000),
      from: fc.nat(3),
      to: fc.nat(3),
      end: fc.nat(3),
    });
    await fc.assert(
      fc.asyncProperty(example, async ({ tokens, seed, from, to, end }) => {
        const prompt = tokensOf(tokens, seed);
        const expected = [await prefill(runner, from, prompt), await decode(runner, from, tokens)];
        const blocks = Math.floor((tokens - 1) / BLOCK);
        for (let block = 0; block < blocks; block++) runner.saveBlock(from, block * BLOCK, block);
        await prefill(runner, from, tokensOf(tokens, seed + 1));
        for (let block = 0; block < blocks; block++) runner.loadBlock(block, to, block * BLOCK);
        const first = await prefill(runner, to, prompt, blocks * BLOCK);
        runner.moveSlot(to, end);
        expect([first, await decode(runner, end, tokens)]).toEqual(expected);
      }),
      { numRuns: 25 },
    );
  });
});

it('copies that make no sense are refused, and say why', async () => {
  const runner = await openRunner(await buildRandomLlama());
  await prefill(runner, 1, tokensOf(40, 1));
  expect(() => runner.saveBlock(1, 16, 0)).toThrow(
    'Slot 1 holds 40 tokens; there is no whole block of 32 at 16',
  );
  expect(() => runner.saveBlock(4, 0, 0)).toThrow('Slot 4 is not one of 0 to 3');
  expect(() => runner.saveBlock(1, 0, runner.info.blocks)).toThrow(
    `not one of the ${runner.info.blocks} blocks`,
  );
  expect(() => runner.loadBlock(3, 2, 0)).toThrow('Block 3 was never saved');
  runner.saveBlock(1, 0, 3);
  expect(() => runner.loadBlock(3, 2, 32)).toThrow('Position 32 of slot 2 does not follow');
  expect(() => runner.loadBlock(3, 1, 100)).toThrow(InvalidStepError);
  const running = runner.run({
    decodes: [{ slot: 1, tokenId: 1, position: 40 }],
    prefills: [],
    exact: false,
  });
  expect(() => runner.trimSlot(1)).toThrow('A step is running');
  await running;
  runner.trimSlot(1);
  await expect(decode(runner, 1, 40)).rejects.toThrow('holds 0 tokens');
});

it('the budget of the cache is told in tokens, and one that holds nothing is refused', async () => {
  const directory = await buildRandomLlama();
  const whole = (await openRunner(directory)).info;
  const tokenBytes = whole.kvCacheBytes / whole.cacheTokens;
  expect(whole).toMatchObject({
    cacheTokens: 4 * 128,
    blockTokens: BLOCK,
    blocks: 1024 ** 2 / (tokenBytes * BLOCK),
  });
  const half = await openRunner(directory, { kvCacheBytes: whole.kvCacheBytes / 2 });
  expect(half.info).toMatchObject({ cacheTokens: 2 * 128, kvCacheBytes: whole.kvCacheBytes / 2 });
  await expect(openRunner(directory, { kvCacheBytes: 10 * tokenBytes })).rejects.toThrow(
    'memory for 10 tokens',
  );
});

it('a cache that no process could get is refused with its size', async () => {
  const directory = await buildRandomLlama();
  await expect(openRunner(directory, { slots: 4096, contextTokens: 2 ** 40 })).rejects.toThrow(
    /needs \d+ MiB, which this process cannot get/,
  );
});

it.runIf(process.platform === 'linux')(
  'memory is taken as tokens come, and trimming gives it back',
  async () => {
    const mebibytes = () => process.memoryUsage().rss / 2 ** 20;
    const runner = await openRunner(await buildRandomLlama(WIDE), { slots: 16, contextTokens: 1024 });
    const slotMebibytes = runner.info.kvCacheBytes / 16 / 2 ** 20;
    expect(slotMebibytes).toBeGreaterThan(30);
    const fill = async (slot: number) => {
      for (let start = 0; start < 1024; start += 128) {
        await prefill(runner, slot, tokensOf(start + 128, slot), start);
      }
    };
    await fill(0);
    const withOne = mebibytes();
    await fill(1);
    await fill(2);
    expect(mebibytes() - withOne).toBeGreaterThan(1.8 * slotMebibytes);
    runner.trimSlot(1);
    runner.trimSlot(2);
    expect(mebibytes() - withOne).toBeLessThan(0.3 * slotMebibytes);
  },
);
