import { describe, expect, it } from 'vitest';
import { variantDirectory } from '#model-store';
import { answerAlone } from './support/answer-alone.js';
import { textOf } from './support/drover-client.js';
import { ask, askLong, streamedText } from './support/jobs.js';
import { requireVulkan } from './support/require-vulkan.js';
import { MODEL, startSystemForTest, type System } from './support/start-system.js';
import { expectSeamless, runUndisturbed } from './support/undisturbed.js';

const VARIANT = '8_0-gpu';
/** Its prompt fills a block, so that another job can share that. */
const LONG_QUESTION = `Spell the word ${'river '.repeat(8)}`;
/** A software device has few cores for what a GPU has thousands for: texts are short. */
const MAX_TOKENS = 16;

const startSystem = () => startSystemForTest({ variants: [VARIANT], workers: [], slots: 4 });
const startWorker = (system: System) =>
  system.startWorker(VARIANT, { DROVER_DEVICE: 'webgpu', DROVER_PREFILL_CHUNK: '64' });

describe('a worker on a Vulkan device', () => {
  it('answers jobs that run together as the engine answers each alone, and the API names the device', async ({
    skip,
  }) => {
    const gpu = await requireVulkan(skip);
    const system = await startSystem();
    const { client, apiUrl, env } = system;
    const worker = await startWorker(system);
    const questions = ['What is 27 + 58?', 'Count from 1 to 30.', LONG_QUESTION];
    const requests = questions.map((question) => ask(VARIANT, question, { max_tokens: MAX_TOKENS }));
    const jobs = await runUndisturbed(client, requests);
    const [repeated] = await runUndisturbed(client, requests.slice(-1));

    const directory = variantDirectory(env['DROVER_DATA_DIR'] ?? '', MODEL, VARIANT);
    const alone = await answerAlone(directory, questions, MAX_TOKENS);
    expect(alone[0]).toContain('85');
    expect([...jobs, repeated!].map(textOf)).toEqual([...alone, alone.at(-1)]);
    for (const job of jobs) {
      expect(streamedText(await client.allEvents(job.id))).toBe(textOf(job));
    }
    expect(repeated?.usage?.prompt_tokens_details.cached_tokens).toBeGreaterThan(0);

    const model = await fetch(`${apiUrl}/v1/models/${MODEL}`).then((answer) => answer.text());
    expect(model).toContain(`"device":"webgpu:0","gpu":{"uuid":"${gpu.uuid}"`);
    expect(await worker.stop()).toMatchObject({ code: 0 });
  });

  it('killed in the middle of a deterministic job, has it finished by another with the same text', async ({
    skip,
  }) => {
    await requireVulkan(skip);
    const system = await startSystem();
    const { client } = system;
    const killed = await startWorker(system);
    const request = askLong(VARIANT, { max_tokens: 64 });
    const { id } = await client.submit(request);
    await client.untilStreaming(id);
    await killed.kill9();
    await startWorker(system);
    const job = await client.finalJob(id);
    expect(job.attempt).toBe(2);
    const [undisturbed] = await runUndisturbed(client, [request]);
    expectSeamless(await client.allEvents(id), job, undisturbed!);
  });
});
