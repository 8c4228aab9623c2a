import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it, onTestFinished, vi } from 'vitest';
import type { ModelRunner } from '#engine';
import { buildRandomLlama } from '#testing';
import { createOnnxModelRunner } from './onnx-model-runner.js';
import type { ApiFunctionName } from './ort/api-table.js';
import { ortApi } from './ort/ort-api.js';

const SLOTS = 16;
const PROMPT = Int32Array.from({ length: 32 }, (_, index) => index + 1);
const EVERY_SLOT = Array.from({ length: SLOTS }, (_, slot) => slot);

const prefillOf = (slot: number) => ({ slot, tokenIds: PROMPT, startPosition: 0, logitPositions: 1 });

async function openRunner(): Promise<ModelRunner> {
  const runner = await createOnnxModelRunner({
    modelPath: join(await buildRandomLlama(), 'model.onnx'),
    device: 'cpu',
    slots: SLOTS,
    prefixCacheBytes: 64 * 1024,
    contextTokens: 64,
    threads: 1,
  });
  onTestFinished(() => runner.close());
  await runner.run({ decodes: [], prefills: EVERY_SLOT.map(prefillOf), exact: true });
  return runner;
}

/** Batches of every place and size in the cache; every tenth step has a prompt too, with copies after it. */
async function runSteps(runner: ModelRunner, steps: number): Promise<void> {
  for (let index = 0; index < steps; index++) {
    const first = index % SLOTS;
    const slots = EVERY_SLOT.slice(first, first + 1 + ((index * 7) % SLOTS));
    const resting = EVERY_SLOT.find((slot) => !slots.includes(slot));
    await runner.run({
      decodes: slots.map((slot) => ({ slot, tokenId: index % 200, position: PROMPT.length })),
      prefills: resting === undefined || index % 10 > 0 ? [] : [prefillOf(resting)],
      exact: index % 2 === 0,
    });
    if (resting !== undefined && index % 10 === 0) copyAround(runner, resting);
  }
}

/** Moves a prompt of one block through the store, and leaves every slot as it was. */
function copyAround(runner: ModelRunner, slot: number): void {
  const { blocks, blockTokens } = runner.info;
  expect(PROMPT.length).toBe(blockTokens);
  runner.saveBlock(slot, 0, slot % blocks);
  runner.trimSlot(slot);
  runner.loadBlock(slot % blocks, slot, 0);
  const other = (slot + 1) % SLOTS;
  runner.moveSlot(slot, other);
  runner.loadBlock(slot % blocks, slot, 0);
}

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

/** Resident memory that is not JavaScript's own heap. */
function nativeBytes(): number {
  collectGarbage();
  const { rss, heapTotal } = process.memoryUsage();
  return rss - heapTotal;
}

it('10,000 steps with copies leave the memory flat, once 10,000 have warmed it up', async () => {
  const runner = await openRunner();
  await runSteps(runner, 10_000);
  const before = nativeBytes();
  await runSteps(runner, 10_000);
  // Measured: 1 to 2.5 MiB, V8’s and the test runner’s own. One row of logits a step would be 10 MiB.
  expect(nativeBytes() - before).toBeLessThan(8 * 1024 * 1024);
});

it('every native handle is freed by the time the runner is closed', async () => {
  const calls = (name: ApiFunctionName) => {
    const spy = vi.spyOn(ortApi(), name);
    onTestFinished(() => spy.mockRestore());
    return spy.mock.calls;
  };
  const values = { made: calls('CreateTensorWithDataAsOrtValue'), freed: calls('ReleaseValue') };
  const runOptions = { made: calls('CreateRunOptions'), freed: calls('ReleaseRunOptions') };
  const sessions = calls('ReleaseSession');
  const runner = await openRunner();
  await runSteps(runner, 500);
  await runner.close();
  expect(values.made.length).toBeGreaterThan(100);
  expect(values.freed).toHaveLength(values.made.length);
  expect(runOptions.made.length).toBeGreaterThan(500);
  expect(runOptions.freed).toHaveLength(runOptions.made.length);
  expect(sessions).toHaveLength(1);
});

it('a steady batch makes nothing but the options of its run', async () => {
  const runner = await openRunner();
  const decodes = EVERY_SLOT.map((slot) => ({ slot, tokenId: 1, position: PROMPT.length }));
  await runner.run({ decodes, prefills: [], exact: true });
  const values = vi.spyOn(ortApi(), 'CreateTensorWithDataAsOrtValue');
  onTestFinished(() => values.mockRestore());
  for (let index = 0; index < 50; index++) await runner.run({ decodes, prefills: [], exact: true });
  expect(values.mock.calls).toHaveLength(0);
});
