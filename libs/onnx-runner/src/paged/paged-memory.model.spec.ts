import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it, onTestFinished, vi, type TestContext } from 'vitest';
import type { PagedRunner } from '#engine';
import { buildRandomLlama } from '#testing';
import type { ApiFunctionName } from '../ort/api-table.js';
import { ortApi } from '../ort/ort-api.js';
import { openPaged, row } from './paged-stage.fixture.js';

const SEQUENCES = [0, 1, 2, 3, 4, 5];
const PROMPT = Int32Array.from({ length: 40 }, (_, index) => index + 1);
const WARM_UP = 1000;
const STEPS = 2000;

const open = async (skip: TestContext['skip']): Promise<PagedRunner> => {
  const directory = await buildRandomLlama({ layers: 1, bitsPerWeight: 8, kvCache: 'f16' });
  const runner = await openPaged(directory, skip);
  onTestFinished(() => runner.close());
  return runner;
};

/** Batches of every size; every tenth step has a prompt and copies beside it, some want full rows, some are exact. */
async function runSteps(runner: PagedRunner, steps: number): Promise<void> {
  for (let index = 0; index < steps; index++) {
    const [first, ...others] = SEQUENCES.slice(index % SEQUENCES.length);
    const decodes = others.map((sequence) =>
      row(sequence, PROMPT.length, [index % 200], { logits: index % 3 === 0 ? 'full' : 'top' }),
    );
    const prompt = row(first!, 0, PROMPT, { logitPositions: index % 4, logits: 'top' });
    const rows = index % 10 === 0 || decodes.length === 0 ? [...decodes, prompt] : decodes;
    await runner.run({ rows, exact: index % 20 === 1 });
    if (index % 10 === 0) await runner.copyBlocks([{ from: index % 12, to: 12 + (index % 7) }]);
  }
}

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

/** Resident memory that is not JavaScript's own heap; with a software device its memory is in it too. */
function nativeBytes(): number {
  collectGarbage();
  const { rss, heapTotal } = process.memoryUsage();
  return rss - heapTotal;
}

it(`${STEPS} steps leave the memory flat, once ${WARM_UP} have warmed it up`, async ({ skip }) => {
  const runner = await open(skip);
  await runSteps(runner, WARM_UP);
  const before = nativeBytes();
  await runSteps(runner, STEPS);
  // Measured: 1 to 5 MiB, and 4 MiB over 8,000 steps. The rows of logits of all steps are 7 MiB, a block each 8 MiB.
  expect(nativeBytes() - before).toBeLessThan(7 * 1024 * 1024);
});

it('every native handle is freed by the time the runner is closed, and a steady batch makes none', async ({
  skip,
}) => {
  const calls = (name: ApiFunctionName) => {
    const spy = vi.spyOn(ortApi(), name);
    onTestFinished(() => spy.mockRestore());
    return spy.mock.calls;
  };
  const made = [calls('CreateTensorWithDataAsOrtValue'), calls('CreateTensorAsOrtValue')];
  const freed = calls('ReleaseValue');
  const allocators = { made: calls('CreateAllocator'), freed: calls('ReleaseAllocator') };
  const memoryInfos = { made: calls('CreateMemoryInfo'), freed: calls('ReleaseMemoryInfo') };
  const freedSessions = calls('ReleaseSession');
  const values = () => made.reduce((sum, { length }) => sum + length, 0);
  const runner = await open(skip);
  await runSteps(runner, 60);
  const decodes = SEQUENCES.map((sequence) => row(sequence, PROMPT.length, [1], { logits: 'top' }));
  await runner.run({ rows: decodes, exact: false });
  const before = values();
  for (let index = 0; index < 20; index++) await runner.run({ rows: decodes, exact: false });
  expect(values()).toBe(before);
  await runner.close();
  expect(before).toBeGreaterThan(100);
  expect(freed).toHaveLength(values());
  for (const pair of [allocators, memoryInfos]) {
    expect(pair.made).toHaveLength(1);
    expect(pair.freed).toHaveLength(1);
  }
  // The model's, and that of the graph which copies.
  expect(freedSessions).toHaveLength(2);
});
