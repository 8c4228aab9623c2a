import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { ModelRunner } from '#engine';
import { buildRandomLlama, writeForeignLlama, writeGrowingCacheModel, type ForeignLayout } from '#testing';
import { ModelContractError } from './model-contract.js';
import { createOnnxModelRunner } from './onnx-model-runner.js';

const PROMPT = Int32Array.from({ length: 21 }, (_, index) => (index * 37) % 256);
const SHAPE = { seed: 3, layers: 3 };

function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'drover-foreign-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

async function openRunner(directory: string): Promise<ModelRunner> {
  const modelPath = join(directory, 'model.onnx');
  const runner = await createOnnxModelRunner({
    modelPath,
    device: 'cpu',
    slots: 3,
    contextTokens: 64,
    threads: 1,
  });
  onTestFinished(() => runner.close());
  return runner;
}

const argmax = (logits: Float32Array) => logits.indexOf(Math.max(...logits));

/** Greedy tokens of a prompt in two chunks and of decodes beside another sequence; then the answers of a draft. */
async function answersOf(runner: ModelRunner): Promise<number[]> {
  const chunk = (slot: number, start: number, end: number, logitPositions: number) => ({
    slot,
    tokenIds: PROMPT.subarray(start, end),
    startPosition: start,
    logitPositions,
  });
  await runner.run({ decodes: [], prefills: [chunk(1, 0, 10, 0), chunk(2, 0, 21, 0)], exact: true });
  const { prefills } = await runner.run({ decodes: [], prefills: [chunk(1, 10, 21, 1)], exact: true });
  const tokens = [argmax(prefills[0]![0]!)];
  for (let position = PROMPT.length; position < PROMPT.length + 8; position++) {
    const decodes = [1, 2].map((slot) => ({ slot, tokenId: tokens.at(-1)!, position }));
    const step = await runner.run({ decodes, prefills: [], exact: false });
    tokens.push(argmax(step.decodes[0]!));
  }
  const draft = {
    slot: 2,
    tokenIds: Int32Array.from(tokens),
    startPosition: PROMPT.length,
    logitPositions: 4,
  };
  const verified = await runner.run({ decodes: [], prefills: [draft], exact: false });
  return [...tokens, ...verified.prefills[0]!.map(argmax)];
}

it.each<[string, ForeignLayout]>([
  ['onnxruntime-genai', { positionIds: false, lastLogitsOnly: false, logits: 'float32' }],
  ['onnxruntime-genai with a pruned head', { positionIds: false, lastLogitsOnly: true, logits: 'float32' }],
  [
    'onnxruntime-genai with half-precision logits',
    { positionIds: false, lastLogitsOnly: true, logits: 'float16' },
  ],
  ['transformers.js', { positionIds: true, lastLogitsOnly: false, logits: 'float32' }],
  ['transformers.js in half precision', { positionIds: true, lastLogitsOnly: false, logits: 'float16' }],
])('a model in the layout of %s gives the tokens of ours', async (_, layout) => {
  const folder = emptyFolder();
  await writeForeignLlama(folder, layout, SHAPE);
  const expected = await answersOf(await openRunner(await buildRandomLlama(SHAPE)));
  expect(new Set(expected).size).toBeGreaterThan(1);
  expect(await answersOf(await openRunner(folder))).toEqual(expected);
});

it('a model whose caches grow is refused when it is loaded, with what is needed', async () => {
  const folder = emptyFolder();
  await writeGrowingCacheModel(folder);
  const opening = openRunner(folder);
  await expect(opening).rejects.toThrow(ModelContractError);
  await expect(opening).rejects.toThrow(/GroupQueryAttention.*grow by concatenation/s);
});
