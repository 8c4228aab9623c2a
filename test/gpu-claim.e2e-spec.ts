import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { resolve } from 'node:path';
import { beforeAll, expect, it, onTestFinished } from 'vitest';
import { freePort } from './support/free-port.js';
import { ask } from './support/jobs.js';
import { pollUntil } from './support/poll-until.js';
import { MODEL, startSystemForTest, type System } from './support/start-system.js';

const ROOT = resolve(import.meta.dirname, '..');

beforeAll(() => {
  execFileSync('node_modules/.bin/swc', ['test/support', '-d', 'dist', '--quiet'], { cwd: ROOT });
});

interface GpuWorker {
  readonly child: ChildProcess;
  readonly url: string;
  readonly exitCode: Promise<number | null>;
  readonly log: () => string;
}

/** Starts a worker that takes what is free of the two GPUs its host is made to have. */
async function startGpuWorker({ env }: System): Promise<GpuWorker> {
  const port = String(await freePort());
  const child = spawn(process.execPath, ['dist/test/support/gpu-worker.js'], {
    cwd: ROOT,
    env: {
      PATH: process.env['PATH'],
      ...env,
      DROVER_DEVICE: 'auto',
      DROVER_MODEL: MODEL,
      DROVER_VARIANT: '8_0',
      DROVER_SLOTS: '2',
      DROVER_THREADS: '1',
      DROVER_WORKER_PORT: port,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let log = '';
  child.stdout.on('data', (chunk: Buffer) => {
    log += chunk.toString();
  });
  const exitCode = new Promise<number | null>((done) => child.once('exit', (code) => done(code)));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exitCode;
  });
  return { child, url: `http://127.0.0.1:${port}`, exitCode, log: () => log };
}

/** GPUs that ready workers tell of, by name. */
async function gpusInUse({ apiUrl }: System): Promise<readonly string[]> {
  const answer = await fetch(`${apiUrl}/v1/models/${MODEL}`);
  const model: {
    variants: { workers: { devices: { device: string; gpu: { name: string } | null }[] } }[];
  } = JSON.parse(await answer.text());
  const devices = model.variants.flatMap(({ workers }) => workers.devices);
  return devices.map(({ device, gpu }) => `${device} ${gpu?.name ?? ''}`).toSorted();
}

const BOTH = ['webgpu:0 Test GPU A', 'webgpu:1 Test GPU B'];

async function untilInUse(system: System, wanted: readonly string[]): Promise<void> {
  await pollUntil(`the GPUs in use to be ${wanted.join(', ')}`, async () => {
    const inUse = await gpusInUse(system);
    return inUse.join() === wanted.join() ? true : undefined;
  });
}

it('workers of a host take a GPU each; a third one is told who has them, and gets that of a dead one', async () => {
  const system = await startSystemForTest({ workers: [], slots: 2 });
  const first = await startGpuWorker(system);
  await untilInUse(system, BOTH.slice(0, 1));
  const second = await startGpuWorker(system);
  await untilInUse(system, BOTH);
  const { id } = await system.client.submit(ask('8_0', 'Hello'));
  expect(await system.client.finalJob(id)).toMatchObject({ status: 'succeeded' });
  const metrics = await fetch(`${first.url}/metrics`).then((answer) => answer.text());
  expect(metrics).toMatch(/^drover_device_info\{.*name="Test GPU A",driver="test 1\.0".*\} 1$/mu);
  expect(metrics).toMatch(/^drover_device_memory_bytes\{.*\} 17179869184$/mu);

  const third = await startGpuWorker(system);
  expect(await third.exitCode).toBe(75);
  expect(third.log()).toMatch(
    /Test GPU A \(.*\) by worker .*, Test GPU B \(.*\) by worker .*drover-tiny:8_0/u,
  );

  first.child.kill('SIGKILL');
  const heir = await startGpuWorker(system);
  await pollUntil('the heir to serve', async () => {
    const answer = await fetch(`${heir.url}/readyz`).catch(() => undefined);
    return answer?.ok === true || undefined;
  });
  await untilInUse(system, BOTH);
  expect(heir.log()).toContain('Test GPU A');

  second.child.kill('SIGTERM');
  await second.exitCode;
  const next = await startGpuWorker(system);
  await untilInUse(system, BOTH);
  expect(next.log()).not.toContain('waiting for one');
});
