import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { beforeAll, expect, it, onTestFinished } from 'vitest';
import { buildDroverTinyVariant } from '#testing';
import { OrtError } from './ort-error.js';
import { Session } from './session.js';
import { Tensor, tensorOver } from './tensor.js';

const OPTIONS = { device: { kind: 'cpu' }, threads: 1 } as const;

let modelPath: string;
beforeAll(async () => {
  modelPath = join(await buildDroverTinyVariant(32), 'model.onnx');
});

async function open(path = modelPath): Promise<Session> {
  const session = await Session.open(path, OPTIONS);
  onTestFinished(() => session.close());
  return session;
}

/** A file that is no model as it should be, made by `spoil` from one that is. */
function spoiled(spoil: (model: Buffer) => Buffer): string {
  const folder = mkdtempSync(join(tmpdir(), 'drover-session-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'model.onnx');
  writeFileSync(path, spoil(readFileSync(modelPath)));
  return path;
}

const int64 = (values: readonly number[]) => {
  const array = new BigInt64Array(new ArrayBuffer(values.length * 8));
  values.forEach((value, index) => (array[index] = BigInt(value)));
  return array;
};

/** A whole prompt of `tokens` tokens, without a cache before it. */
function bindPrompt(session: Session, tokens: number) {
  const ids = int64(Array.from({ length: tokens }, (_, index) => index % 1000));
  const ones = int64(Array.from({ length: tokens }, () => 1));
  const logits = new Float32Array(new ArrayBuffer(1024 * 4));
  const caches = session.inputs.filter(({ name }) => name.startsWith('past'));
  const inputs = {
    input_ids: tensorOver('int64', [1, tokens], ids),
    attention_mask: tensorOver('int64', [1, tokens], ones),
    num_logits_to_keep: tensorOver('int64', [], ones),
    ...Object.fromEntries(
      caches.map(({ name }) => [name, new Tensor('float32', [1, 2, 0, 32], new ArrayBuffer(8))]),
    ),
  };
  const outputs = { logits: tensorOver('float32', [1, 1, 1024], logits) };
  onTestFinished(() => [inputs, outputs].forEach((all) => Object.values(all).forEach((one) => one.close())));
  return { binding: session.bind(inputs, outputs), logits };
}

it('names, types and dimensions of inputs and outputs are the model’s', async () => {
  const session = await open();
  const find = (infos: Session['inputs'], name: string) => infos.find((info) => info.name === name);
  expect(find(session.inputs, 'input_ids')).toMatchObject({ elementType: 'int64', shape: [{}, {}] });
  expect(find(session.inputs, 'past_key_values.5.value')).toMatchObject({
    elementType: 'float32',
    shape: [expect.any(String), 2, expect.any(String), 32],
  });
  expect(find(session.outputs, 'logits')?.shape[2]).toBe(1024);
  expect(session.outputs).toHaveLength(1 + 6 * 2);
});

it('a run on another thread and one on this thread give the same bits', async () => {
  const session = await open();
  const background = bindPrompt(session, 50);
  const blocking = bindPrompt(session, 50);
  await session.run(background.binding, 'background');
  await session.run(blocking.binding, 'blocking');
  expect(background.logits.some((logit) => logit !== 0)).toBe(true);
  expect(background.logits).toEqual(blocking.logits);
});

it('a terminated run fails, and the next one succeeds', async () => {
  const session = await open();
  const { binding, logits } = bindPrompt(session, 1000);
  const run = session.run(binding, 'background');
  session.terminate();
  await expect(run).rejects.toThrow(OrtError);
  session.terminate();
  await session.run(binding, 'background');
  expect(logits.some((logit) => logit !== 0)).toBe(true);
});

it('closing waits for the run in progress, may be done twice, and refuses later runs', async () => {
  const session = await open();
  const { binding } = bindPrompt(session, 1000);
  const order: string[] = [];
  const run = session.run(binding, 'background').catch(() => order.push('run ended'));
  await nextTurn();
  await Promise.all([session.close(), session.close()]);
  order.push('closed');
  await run;
  expect(order).toEqual(['run ended', 'closed']);
  await expect(session.run(binding, 'background')).rejects.toThrow('The session is closed.');
});

it('a second run at the same time is refused', async () => {
  const session = await open();
  const { binding } = bindPrompt(session, 500);
  const run = session.run(binding, 'background');
  await expect(session.run(binding, 'background')).rejects.toThrow('A run is in progress');
  await run;
});

it.each([
  ['missing', () => '/nowhere/model.onnx', 'NO_SUCHFILE'],
  ['no model at all', () => spoiled(() => Buffer.from('not a model')), 'INVALID_PROTOBUF'],
  ['cut short', () => spoiled((model) => model.subarray(0, model.length / 2)), 'INVALID_PROTOBUF'],
  ['without its data file', () => spoiled((model) => model), 'FAIL'],
])('a model file that is %s gives an error with its path and a code', async (_, path, code) => {
  const modelFile = path();
  const opening = Session.open(modelFile, OPTIONS);
  await expect(opening).rejects.toThrow(OrtError);
  await expect(opening).rejects.toMatchObject({ code, operation: `load model ${modelFile}` });
});

it('an input of the wrong shape fails the run with ONNX Runtime’s own words', async () => {
  const session = await open();
  const { binding: good } = bindPrompt(session, 4);
  const ids = tensorOver('int64', [4], int64([1, 2, 3, 4]));
  onTestFinished(() => ids.close());
  const { binding } = { binding: { ...good, ...session.bind({ input_ids: ids }, {}) } };
  await expect(session.run(binding, 'background')).rejects.toMatchObject({ operation: 'run the model' });
});
