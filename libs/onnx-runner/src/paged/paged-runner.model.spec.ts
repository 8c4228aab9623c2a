import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { PagedRunner } from '#engine';
import { LlamaCheckpoint, planBits, writeVariant } from '#quantizer';
import { buildDroverTinyVariant, writeRandomCheckpoint } from '#testing';
import { InvalidStepError } from '../check-step.js';
import { DeviceError } from '../device.js';
import { ModelContractError } from '../model-contract.js';
import { isOutOfMemory } from '../ort/ort-error.js';
import { Session } from '../ort/session.js';
import { BlockCopier } from './block-copier.js';
import { BlockPool } from './block-pool.js';
import { checkPool } from './check-pool.js';
import { readPagedContract } from './paged-contract.js';
import { createPagedRunner } from './create-paged-runner.js';
import {
  CONTEXT_TOKENS,
  blocksOf,
  float32Logits,
  fullRows,
  largestDifference,
  openPaged,
  requireFull,
  requireTop,
  row,
} from './paged-stage.fixture.js';

const BITS = 6.5;
const VOCABULARY = 320;
/** float16 keeps 11 bits; measured: 0.02 to 0.026 at logits of up to 9. */
const TOLERANCE = 0.05;

let checkpointDir: string;
let directory: string;
beforeAll(async () => {
  checkpointDir = await mkdtemp(join(tmpdir(), 'drover-checkpoint-'));
  directory = await mkdtemp(join(tmpdir(), 'drover-paged-'));
  await writeRandomCheckpoint(checkpointDir, {
    shape: { hiddenSize: 128, layers: 3, vocabSize: VOCABULARY },
    seed: 5,
  });
  const source = await LlamaCheckpoint.open(checkpointDir);
  const plan = planBits(source.config, BITS, 'f16');
  const checkpointSha256 = await source.sha256();
  await writeVariant({ model: 'random', source, checkpointDir, checkpointSha256, plan, directory });
  await source.close();
});
afterAll(async () => {
  for (const path of [checkpointDir, directory]) await rm(path, { recursive: true });
});

const text = (tokens: number, seed: number) =>
  Int32Array.from({ length: tokens }, (_, index) => (index * 37 + seed * 101 + 5) % VOCABULARY);
const reference = (tokens: Int32Array) => float32Logits(checkpointDir, BITS, tokens);

const open = async (...args: [skip: Parameters<typeof openPaged>[1]]): Promise<PagedRunner> => {
  const runner = await openPaged(directory, ...args);
  onTestFinished(() => runner.close());
  return runner;
};

describe('a paged run', () => {
  it('answers prompts, chunks and decodes side by side as the float32 model of its weights does', async ({
    skip,
  }) => {
    const runner = await open(skip);
    const texts = [text(90, 1), text(41, 2), text(60, 3)] as const;
    const [first, second, third] = await Promise.all(texts.map(reference));
    await runner.run({
      rows: [row(0, 0, texts[0].subarray(0, 50), { logitPositions: 0 }), row(1, 0, texts[1].subarray(0, 40))],
      exact: false,
    });
    const answers = await fullRows(runner, [
      row(1, 40, texts[1].subarray(40, 41)),
      row(0, 50, texts[0].subarray(50, 75), { logitPositions: 2 }),
      row(2, 0, texts[2].subarray(0, 60), { logitPositions: 1 }),
    ]);
    const expected = [second![40]!, first![73]!, first![74]!, third![59]!];
    expect(answers).toHaveLength(expected.length);
    for (const [index, answer] of answers.entries()) {
      expect(largestDifference(answer, expected[index]!)).toBeLessThan(TOLERANCE);
    }
    // The texts are told apart by more than the tolerance.
    expect(largestDifference(answers[0]!, answers[3]!)).toBeGreaterThan(10 * TOLERANCE);
  });

  it('names the best tokens and weighs all, as the full row does', async ({ skip }) => {
    const runner = await open(skip);
    const prompt = text(33, 4);
    const rows = (['top', 'full'] as const).map((logits, sequence) =>
      row(sequence, 0, prompt, { logitPositions: 3, logits }),
    );
    const [top, full] = await runner.run({ rows, exact: false });
    for (const [index, answer] of full!.entries()) {
      const logits = requireFull(answer);
      const { tokenIds, logits: best, logSumExp } = requireTop(top![index]);
      const order = [...logits.keys()].toSorted((a, b) => logits[b]! - logits[a]! || a - b);
      expect([...tokenIds]).toEqual(order.slice(0, runner.info.topLogits));
      expect([...best]).toEqual(order.slice(0, runner.info.topLogits).map((tokenId) => logits[tokenId]));
      const sum = logits.reduce((total, logit) => total + Math.exp(logit), 0);
      expect(logSumExp).toBeCloseTo(Math.log(sum), 4);
    }
  });
});

describe('copied blocks', () => {
  it('carry a text on by itself, and leave the one they came from as it was', async ({ skip }) => {
    const runner = await open(skip);
    const prompt = text(70, 6);
    await runner.run({ rows: [row(0, 0, prompt)], exact: true });
    const next = text(1, 8);
    const [expected] = await fullRows(runner, [row(0, 70, next)], true);
    // The last block, of 6 tokens, is copied before the next token; the two before it are shared.
    const [one, two, half] = blocksOf(0);
    const [, , own] = blocksOf(3);
    await runner.copyBlocks([{ from: half!, to: own! }]);
    const copy = { blocks: [one!, two!, own!] };
    const other = text(9, 9);
    await runner.run({ rows: [row(3, 70, other, copy)], exact: true });
    expect(await fullRows(runner, [row(0, 70, next)], true)).toEqual([expected]);
    expect(await fullRows(runner, [row(3, 70, next, copy)], true)).toEqual([expected]);
  });

  it('may be many at once; a chain of copies is refused', async ({ skip }) => {
    const runner = await open(skip);
    const prompt = text(90, 7);
    const [expected] = await fullRows(runner, [row(0, 0, prompt)], true);
    const copies = blocksOf(0).map((from, index) => ({ from, to: blocksOf(4)[index]! }));
    await runner.copyBlocks(copies);
    expect(await fullRows(runner, [row(4, 89, prompt.subarray(89))], true)).toEqual([expected]);
    const chain = [
      { from: 0, to: 1 },
      { from: 1, to: 2 },
    ];
    await expect(runner.copyBlocks(chain)).rejects.toThrow(InvalidStepError);
  });
});

describe('what can not be', () => {
  it('is refused at load: the CPU, a variant for the CPU, a context beyond the model’s', async ({ skip }) => {
    const paths = { modelPath: join(directory, 'model.onnx'), sequences: 2, stepTokens: 8 };
    const options = { ...paths, device: 'webgpu', contextTokens: CONTEXT_TOKENS };
    await expect(createPagedRunner({ ...options, device: 'cpu' })).rejects.toThrow(DeviceError);
    await expect(createPagedRunner({ ...options, stepTokens: 3 })).rejects.toThrow(
      'it must be a whole number, 4',
    );
    await open(skip);
    const modelPath = join(await buildDroverTinyVariant(5), 'model.onnx');
    await expect(createPagedRunner({ ...options, modelPath })).rejects.toThrow('quantize --device gpu');
    const long = createPagedRunner({ ...options, contextTokens: 257 });
    await expect(long).rejects.toThrow(ModelContractError);
    await expect(long).rejects.toThrow('257');
  });

  it('is refused at load: a pool that the device has no room for', async ({ skip }) => {
    await open(skip);
    const modelPath = join(directory, 'model.onnx');
    const sequences = 60_000;
    const options = { modelPath, device: 'webgpu', contextTokens: 256, sequences, stepTokens: sequences + 2 };
    const error: unknown = await createPagedRunner(options).catch((reason: unknown) => reason);
    expect(isOutOfMemory(error)).toBe(true);
    expect(error).toMatchObject({ message: expect.stringContaining('480000 blocks') });
  });
});

describe('the end of a runner', () => {
  const long = row(0, 0, text(90, 1), { logitPositions: 90 });

  it('terminates the step in progress, and may come twice', async ({ skip }) => {
    const runner = await open(skip);
    const step = runner.run({ rows: [long], exact: false });
    await expect(runner.copyBlocks([{ from: 0, to: 1 }])).rejects.toThrow('one at a time');
    const ends = await Promise.allSettled([step, runner.close(), runner.close()]);
    expect(ends.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
    expect(ends[0]).toMatchObject({ reason: { name: 'ModelRunError', fault: 'run_terminated' } });
    await expect(runner.run({ rows: [long], exact: false })).rejects.toThrow('closed');
  });

  it('by its signal rejects the step in progress and later ones with its reason', async ({ skip }) => {
    const controller = new AbortController();
    const runner = await openPaged(directory, skip, { signal: controller.signal });
    onTestFinished(() => runner.close());
    const step = runner.run({ rows: [long], exact: false });
    controller.abort(new Error('the worker stops'));
    const terminated = { fault: 'run_terminated', message: 'the worker stops' };
    await expect(step).rejects.toMatchObject(terminated);
    await expect(runner.run({ rows: [long], exact: false })).rejects.toMatchObject(terminated);
  });
});

it('a pool that nothing was kept in is told from one that a run wrote to', async ({ skip }) => {
  await open(skip);
  const device = { kind: 'webgpu', index: 0 } as const;
  const modelPath = join(directory, 'model.onnx');
  const session = await Session.open(modelPath, { device, threads: 1 });
  const { caches } = readPagedContract(session.inputs, session.outputs);
  const memory = session.openDeviceMemory(device);
  const pool = new BlockPool(memory, caches, 4, 32);
  const copier = await BlockCopier.open(modelPath, pool, { device, threads: 1 });
  onTestFinished(async () => {
    await copier.close();
    pool.close();
    memory.close();
    await session.close();
  });
  const check = checkPool(copier, caches, 0, '4 blocks on webgpu');
  await expect(check).rejects.toThrow('could not keep 4 blocks on webgpu: out of memory');
  await expect(check).rejects.toThrow('past_key_values.0.key');
});
