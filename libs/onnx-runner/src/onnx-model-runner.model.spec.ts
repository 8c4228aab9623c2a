import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { ModelRunner, ModelStep, PrefillChunk } from '#engine';
import { buildDroverTinyVariant, readGoldenChats } from '#testing';
import { InvalidStepError } from './check-step.js';
import { createOnnxModelRunner, type OnnxModelRunnerOptions } from './onnx-model-runner.js';

const CONTEXT = 1024;

let directory: string;
beforeAll(async () => {
  directory = await buildDroverTinyVariant(32);
});

async function openRunner(options: Partial<OnnxModelRunnerOptions> = {}): Promise<ModelRunner> {
  const runner = await createOnnxModelRunner({
    modelPath: join(directory, 'model.onnx'),
    device: 'cpu',
    slots: 4,
    contextTokens: CONTEXT,
    threads: 1,
    ...options,
  });
  onTestFinished(() => runner.close());
  return runner;
}

const prefill = (...prefills: PrefillChunk[]): ModelStep => ({ decodes: [], prefills, exact: true });

const chunk = (slot: number, tokenIds: ArrayLike<number>, startPosition = 0): PrefillChunk => ({
  slot,
  tokenIds: Int32Array.from(tokenIds),
  startPosition,
  logitPositions: 1,
});

const longPrompt = (slot: number) =>
  chunk(
    slot,
    Array.from({ length: CONTEXT }, (_, index) => index % 1000),
  );

const argmax = (logits: Float32Array) => logits.indexOf(Math.max(...logits));

describe('a step', () => {
  it('gives the logits of the reference implementation within 1e-3, prompt and decodes alike', async () => {
    const runner = await openRunner();
    for (const { promptIds, greedyIds, logits } of await readGoldenChats()) {
      const expected = (position: number) => logits.subarray(position * 1024, (position + 1) * 1024);
      const { prefills } = await runner.run(prefill(chunk(0, promptIds)));
      expect(largestDifference(prefills[0]![0]!, expected(promptIds.length - 1))).toBeLessThan(1e-3);
      for (const [index, tokenId] of greedyIds.entries()) {
        const position = promptIds.length + index;
        const { decodes } = await runner.run({
          decodes: [{ slot: 0, tokenId, position }],
          prefills: [],
          exact: true,
        });
        expect(largestDifference(decodes[0]!, expected(position))).toBeLessThan(1e-3);
      }
    }
  });

  it('answers in the order asked, and with nothing for a chunk that asked for no logits', async () => {
    const runner = await openRunner();
    const [a, b] = (await readGoldenChats()).map(({ promptIds }) => promptIds);
    const alone = await runner.run(prefill(chunk(3, a!), chunk(0, b!)));
    const [likelyA, likelyB] = alone.prefills.map(([logits]) => argmax(logits!));
    const together = await runner.run({
      decodes: [],
      prefills: [chunk(1, b!), { ...chunk(2, a!), logitPositions: 0 }, chunk(0, a!)],
      exact: true,
    });
    expect(together.prefills.map((rows) => rows.map(argmax))).toEqual([[likelyB], [], [likelyA]]);

    const rows = (tokens: Record<number, number>) =>
      Object.entries(tokens).map(([slot, length]) => ({ slot: Number(slot), tokenId: 5, position: length }));
    const [first, second] = rows({ 0: a!.length, 1: b!.length });
    const forwards = await runner.run({ decodes: [first!, second!], prefills: [], exact: true });
    const expected = forwards.decodes.map((logits) => Float32Array.from(logits));
    const backwards = await runner.run({ decodes: [second!, first!], prefills: [], exact: true });
    expect(backwards.decodes).toEqual(expected.toReversed());
  });

  it('leaves the event loop free while it runs', async () => {
    const runner = await openRunner();
    let turns = 0;
    const counter = setInterval(() => (turns += 1), 1);
    await runner.run(prefill(longPrompt(0), longPrompt(1), longPrompt(2)));
    clearInterval(counter);
    expect(turns).toBeGreaterThan(5);
  });

  it('is refused while another runs, when it makes no sense, and after the runner is closed', async () => {
    const runner = await openRunner();
    const running = runner.run(prefill(longPrompt(0)));
    await expect(runner.run(prefill(chunk(1, [1, 2])))).rejects.toThrow(InvalidStepError);
    await running;
    await expect(runner.run(prefill(chunk(4, [1, 2])))).rejects.toThrow('Slot 4 is not one of 0 to 3');
    await expect(
      runner.run({ decodes: [{ slot: 0, tokenId: 1, position: CONTEXT }], prefills: [], exact: true }),
    ).rejects.toThrow(`the context is ${CONTEXT}`);
    await expect(runner.run(prefill(chunk(1, [1, 2])))).resolves.toBeDefined();
    await runner.close();
    await expect(runner.run(prefill(chunk(1, [1, 2])))).rejects.toThrow('closed');
  });
});

describe('the end of a runner', () => {
  it('comes early when its signal aborts: the step in progress and later ones reject with the reason', async () => {
    const controller = new AbortController();
    const runner = await openRunner({ signal: controller.signal });
    const step = runner.run(prefill(longPrompt(0), longPrompt(1)));
    await nextTurn();
    controller.abort(new Error('the worker stops'));
    const terminated = { fault: 'run_terminated', message: 'the worker stops' };
    await expect(step).rejects.toMatchObject(terminated);
    await expect(runner.run(prefill(chunk(0, [1, 2])))).rejects.toMatchObject(terminated);
  });

  it('terminates a step in progress, and may come twice', async () => {
    const runner = await openRunner();
    const step = runner.run(prefill(longPrompt(0), longPrompt(1)));
    const ends = await Promise.allSettled([step, runner.close(), runner.close()]);
    expect(ends.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
    expect(ends[0]).toMatchObject({ reason: { fault: 'run_terminated' } });
    await expect(runner.close()).resolves.toBeUndefined();
  });

  it('comes before the beginning when the signal has aborted already', async () => {
    await expect(openRunner({ signal: AbortSignal.abort(new Error('too late')) })).rejects.toThrow(
      'too late',
    );
  });
});

describe('a runner', () => {
  it('says what it holds', async () => {
    const bytesOfRow = 6 * 2 * (2 * CONTEXT * 32) * 4;
    const one = await openRunner({ slots: 1 });
    expect(one.info).toEqual({
      vocabSize: 1024,
      contextTokens: CONTEXT,
      slots: 1,
      cacheTokens: CONTEXT,
      kvCacheBytes: bytesOfRow,
      blockTokens: 32,
      blocks: 0,
    });
    expect((await openRunner({ slots: 5 })).info.kvCacheBytes).toBe(5 * bytesOfRow);
  });

  it.each([
    ['slots', { slots: 0 }],
    ['contextTokens', { contextTokens: 1.5 }],
    ['threads', { threads: -1 }],
  ])('refuses a bad number of %s by name', async (name, options) => {
    await expect(openRunner(options)).rejects.toThrow(`${name} is ${Object.values(options)[0]}`);
  });

  it('refuses a device that is unknown, and one that is not installed with the way to get it', async () => {
    await expect(openRunner({ device: 'tpu' })).rejects.toThrow('Device "tpu"');
    await expect(openRunner({ device: 'cuda:1' })).rejects.toThrow(
      /Device "cuda:1".*ONNXRUNTIME_NODE_INSTALL=cuda12 npm ci/,
    );
  });
});

function largestDifference(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  return a.reduce((worst, value, index) => Math.max(worst, Math.abs(value - (b[index] ?? Number.NaN))), 0);
}
