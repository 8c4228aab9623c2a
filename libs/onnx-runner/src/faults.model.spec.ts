import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ModelRunError, type ModelRunner } from '#engine';
import { writeLookupModel } from '#testing';
import { ModelContractError } from './model-contract.js';
import { createOnnxModelRunner } from './onnx-model-runner.js';
import { isOutOfMemory, OrtError } from './ort/ort-error.js';

const VOCABULARY = 4;

/** A model that answers token t with row t of a table, and fails where the table has no such row. */
async function openRunner(rows: readonly (readonly number[])[]): Promise<ModelRunner> {
  const folder = mkdtempSync(join(tmpdir(), 'drover-faults-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  await writeLookupModel(folder, rows, VOCABULARY);
  const modelPath = join(folder, 'model.onnx');
  const runner = await createOnnxModelRunner({
    modelPath,
    device: 'cpu',
    slots: 2,
    contextTokens: 8,
    threads: 1,
  });
  onTestFinished(() => runner.close());
  return runner;
}

const MISSING = 3;
const TABLE = [
  [1, 0, 0, 0],
  [0, 1, 0, 0],
  [0, 0, 1, 0],
];

const chunk = (slot: number, tokenIds: number[], startPosition = 0) => ({
  slot,
  tokenIds: Int32Array.from(tokenIds),
  startPosition,
  logitPositions: 1,
});
const decode = (slot: number, tokenId: number, position: number) => ({ slot, tokenId, position });

describe('a run that fails', () => {
  it('rejects with ONNX Runtime’s words, and the next one succeeds', async () => {
    const runner = await openRunner(TABLE);
    await runner.run({ decodes: [], prefills: [chunk(0, [0, 1])], exact: true });
    const failing = runner.run({ decodes: [decode(0, MISSING, 2)], prefills: [], exact: true });
    await expect(failing).rejects.toMatchObject({
      name: 'ModelRunError',
      fault: 'run_failed',
      cause: { name: 'OrtError', operation: 'run the model' },
    });
    const { decodes } = await runner.run({ decodes: [decode(0, 1, 2)], prefills: [], exact: true });
    expect([...decodes[0]!]).toEqual(TABLE[1]);
  });

  it('leaves of each slot what was before it: what it was to fill is not taken for tokens', async () => {
    const runner = await openRunner(TABLE);
    await runner.run({ decodes: [], prefills: [chunk(0, [0, 1, 2]), chunk(1, [0, 1, 2])], exact: true });
    const step = { decodes: [decode(0, 0, 3)], prefills: [chunk(1, [MISSING], 1)], exact: true };
    await expect(runner.run(step)).rejects.toThrow(ModelRunError);
    const after = (slot: number, position: number) =>
      runner.run({ decodes: [decode(slot, 0, position)], prefills: [], exact: true });
    await expect(after(1, 2)).rejects.toThrow('slot 1 does not follow its cache, which holds 1 tokens');
    await expect(after(1, 1)).resolves.toBeDefined();
    await expect(after(0, 4)).resolves.toBeDefined();
  });
});

it('a model whose answers are no numbers is refused when it is loaded', async () => {
  const opening = openRunner([[0, NaN, 0, 0]]);
  await expect(opening).rejects.toThrow(ModelContractError);
  await expect(opening).rejects.toThrow('logits');
});

it.each<[string, Error, boolean]>([
  ['std::bad_alloc', new OrtError('FAIL', 'run the model', 'std::bad_alloc'), true],
  [
    'the CPU’s arena',
    new OrtError('RUNTIME_EXCEPTION', 'run', 'Failed to allocate memory for requested buffer of size 8'),
    true,
  ],
  ['a GPU', new OrtError('FAIL', 'run the model', 'CUDA failure 2: out of memory'), true],
  ['V8', new RangeError('Array buffer allocation failed'), true],
  ['a wrong number', new RangeError('slots is 0'), false],
  [
    'a failed operator',
    new OrtError('INVALID_ARGUMENT', 'run the model', 'indices element out of data bounds'),
    false,
  ],
])('memory that %s refuses is told from other failures', (_, error, isRefusal) => {
  expect(isOutOfMemory(error)).toBe(isRefusal);
});
