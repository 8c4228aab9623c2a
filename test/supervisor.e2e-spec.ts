import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { launchDrover, type LaunchedCommand } from './support/launched-command.js';

const oneWorker = { DROVER_VARIANTS: '5_0', DROVER_API_PORT: '0' };

let system: LaunchedCommand | undefined;
afterEach(() => system?.cleanUp());

async function start(): Promise<{ system: LaunchedCommand; baseUrl: string }> {
  system = await launchDrover(['up'], oneWorker);
  const [, baseUrl = ''] = await system.waitFor(/API +(http:\S+)[\s\S]*Ctrl-C drains/);
  return { system, baseUrl };
}

async function ask(baseUrl: string): Promise<string> {
  const response = await fetch(`${baseUrl}/v1/jobs?wait=60`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'drover-tiny',
      input: { messages: [{ role: 'user', content: 'What is 27 + 58?' }], temperature: 0 },
      wait_for_worker: true,
    }),
  });
  return response.text();
}

describe('npm start', () => {
  it('starts a killed worker again, says why it ended, and serves on; SIGTERM leaves nothing behind', async () => {
    const { system: launched, baseUrl } = await start();
    const worker = launched.processes().find(({ command }) => command.includes('apps/worker'));
    if (worker === undefined) throw new Error('no worker runs');
    process.kill(worker.pid, 'SIGKILL');

    await launched.waitFor(/\[worker-5_0\] ended by itself \(signal SIGKILL\); starting it again in 0\.5 s/);
    const [, pid] = await launched.waitFor(/\[worker-5_0\] started again \(process (\d+)\)/);
    expect(Number(pid)).not.toBe(worker.pid);
    expect(await ask(baseUrl)).toContain('85');

    launched.kill('SIGTERM');
    expect(await launched.exitCode).toBe(0);
    expect(launched.output()).toContain('Stopped.');
    expect(launched.processes()).toEqual([]);
  });

  it('leaves nothing behind even when the launcher itself is killed', async () => {
    const { system: launched } = await start();
    const launcher = launched.processes().find(({ command }) => command.includes('apps/cli'));
    if (launcher === undefined) throw new Error('no launcher runs');
    process.kill(launcher.pid, 'SIGKILL');
    await expect.poll(() => launched.processes(), { timeout: 30_000 }).toEqual([]);
  });

  it('says which variable to set when the port is taken', async () => {
    const other = createServer();
    await once(other.listen(0, '127.0.0.1'), 'listening');
    const address = other.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    system = await launchDrover(['up'], { ...oneWorker, DROVER_API_PORT: String(address.port) });
    expect(await system.exitCode).toBe(1);
    expect(system.output()).toMatch(/EADDRINUSE.*DROVER_API_PORT/);
    expect(system.processes()).toEqual([]);
    other.close();
  });

  it('shows the last words of a worker that cannot start, and stops the rest', async () => {
    system = await launchDrover(['up'], { ...oneWorker, DROVER_CONTEXT: '1000000' });
    expect(await system.exitCode).toBe(1);
    expect(system.output()).toMatch(/worker-5_0 did not start[\s\S]*DROVER_CONTEXT=1000000/);
    expect(system.processes()).toEqual([]);
  });
});
