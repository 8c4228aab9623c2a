import { dirname } from 'node:path';
import { expect, it } from 'vitest';
import { variantDirectory } from '#model-store';
import { listGpus } from '#onnx-runner';
import { quantizeCheckpoint } from '#quantizer';
import { droverTinyCheckpoint } from '#testing';
import { ask } from './support/jobs.js';
import { MODEL, startSystemForTest } from './support/start-system.js';

const VARIANT = '8_0-gpu';

/** A software device takes a second for what a GPU does in a millisecond. */
const askShort = (question: string) => ask(VARIANT, question, { max_tokens: 8, deterministic: false });

it('jobs run through API and queue on a Vulkan device, which the API names', async ({ skip }) => {
  const { gpus } = await listGpus();
  const gpu = gpus.find(({ devices }) =>
    devices.some((device) => device.kind === 'webgpu' && device.index === 0),
  );
  if (gpu === undefined) skip('no Vulkan device here');
  const system = await startSystemForTest({ workers: [], slots: 4 });
  const { client, apiUrl, env } = system;
  await quantizeCheckpoint({
    checkpointDir: droverTinyCheckpoint(),
    outputDir: dirname(variantDirectory(env['DROVER_DATA_DIR'] ?? '', MODEL, VARIANT)),
    bitsPerWeight: [8],
    kvCache: 'f16',
  });
  const worker = await system.startWorker('8_0', {
    DROVER_VARIANT: VARIANT,
    DROVER_DEVICE: 'webgpu',
    DROVER_PREFILL_CHUNK: '64',
  });

  const questions = ['Who wrote this?', 'What is a queue?', 'Count to ten.', 'Who wrote this?'];
  const submitted = await Promise.all(questions.map((question) => client.submit(askShort(question))));
  const jobs = await Promise.all(submitted.map(({ id }) => client.finalJob(id)));
  expect(jobs.map(({ status }) => status)).toEqual(questions.map(() => 'succeeded'));
  const again = await client.submit(askShort(questions[0] ?? ''));
  const repeated = await client.finalJob(again.id);
  expect(repeated.output).toEqual(jobs[0]?.output);
  expect(repeated.usage?.prompt_tokens_details.cached_tokens).toBeGreaterThan(0);

  const model = await fetch(`${apiUrl}/v1/models/${MODEL}`).then((answer) => answer.text());
  expect(model).toContain(`"device":"webgpu:0","gpu":{"uuid":"${gpu?.uuid}"`);
  expect(await worker.stop()).toMatchObject({ code: 0 });
});
