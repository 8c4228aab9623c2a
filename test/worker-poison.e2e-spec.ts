import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { freePort } from './support/free-port.js';
import { ask, askLong, streamedText } from './support/jobs.js';
import { pollUntil } from './support/poll-until.js';
import { MODEL, startSystemForTest, type System } from './support/start-system.js';
import { expectSeamless, runUndisturbed } from './support/undisturbed.js';

const SLOTS = 4;
const ROOT = resolve(import.meta.dirname, '..');

/** Starts the faulty worker under the product's supervisor. */
async function startPoisonedWorker({ env }: System): Promise<void> {
  execFileSync('node_modules/.bin/swc', ['test/support', '-d', 'dist', '--quiet'], { cwd: ROOT });
  const url = `http://127.0.0.1:${await freePort()}`;
  const child = spawn(process.execPath, ['dist/test/support/supervised-poison-worker.js'], {
    cwd: ROOT,
    env: {
      PATH: process.env['PATH'],
      ...env,
      DROVER_MODEL: MODEL,
      DROVER_VARIANT: '8_0',
      DROVER_SLOTS: String(SLOTS),
      DROVER_THREADS: '1',
      DROVER_WORKER_PORT: new URL(url).port,
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const exited = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
  });
  await pollUntil('the poisoned worker to be ready', async () => {
    const answer = await fetch(`${url}/readyz`).catch(() => undefined);
    return answer?.ok === true ? true : undefined;
  });
}

it('a poison job is quarantined after two crashes with what is known; its companions finish as if undisturbed', async () => {
  const system = await startSystemForTest({ slots: SLOTS });
  const { client, workers } = system;
  const requests = [1, 2, 3].map((seed) => askLong('8_0', { temperature: 1, seed }));
  const undisturbed = await runUndisturbed(client, requests);
  await workers[0]?.stop();
  await startPoisonedWorker(system);

  const companions = await Promise.all(requests.map((request) => client.submit(request)));
  await Promise.all(companions.map(({ id }) => client.untilStreaming(id)));
  const { id } = await client.submit({
    ...ask('8_0', ''),
    input: { prompt: 'Zyzzyva', ignore_eos: true, max_tokens: 50 },
  });

  const poison = await client.finalJob(id);
  expect(poison).toMatchObject({ status: 'failed', error: { code: 'quarantined' } });
  const deaths = poison.error?.deaths ?? [];
  expect(deaths.map(({ signal }) => signal)).toEqual(['SIGSEGV', 'SIGSEGV']);
  // With the others at first, alone once it was a suspect.
  expect(deaths.map((death) => death.jobs_in_step)).toEqual([SLOTS, 1]);
  for (const death of deaths) {
    expect(death.memory_bytes).toBeGreaterThan(10_000_000);
    expect(death.last_step).toBe('decode');
  }
  for (const [i, companion] of companions.entries()) {
    const job = await client.finalJob(companion.id);
    expectSeamless(await client.allEvents(companion.id), job, undisturbed[i]!);
  }
  expect(streamedText(await client.allEvents(id))).not.toBe('');
});
