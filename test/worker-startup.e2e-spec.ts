import { cp, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { variantDirectory } from '#model-store';
import { AppProcess, buildDroverTinyVariant } from '#testing';
import { MODEL } from './support/start-system.js';

describe('a worker that cannot serve its variant', () => {
  let dataDir: string;

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'drover-startup-'));
  });
  afterEach(() => rm(dataDir, { recursive: true, force: true }));

  /** Runs a worker to its end; no Redis is needed to see that it cannot start. */
  async function runWorker(env: Readonly<Record<string, string>>) {
    const worker = AppProcess.launch('worker', 0, {
      REDIS_URL: 'redis://127.0.0.1:1',
      DROVER_MODELS_DIR: resolve(import.meta.dirname, '../models'),
      DROVER_DATA_DIR: dataDir,
      DROVER_VARIANT: '8_0',
      ...env,
    });
    const { code } = await worker.exited;
    return { code, log: worker.tail() };
  }

  async function copyVariant(): Promise<string> {
    const directory = variantDirectory(dataDir, MODEL, '8_0');
    await cp(await buildDroverTinyVariant(8), directory, { recursive: true });
    return directory;
  }

  it('names a wrong setting and leaves with 78', async () => {
    const { code, log } = await runWorker({ DROVER_SLOTS: 'many' });
    expect(code).toBe(78);
    expect(log).toContain('DROVER_SLOTS="many"');
  });

  it('says how to build a missing variant and leaves with 80', async () => {
    const { code, log } = await runWorker({});
    expect(code).toBe(80);
    expect(log).toContain('drover quantize');
  });

  it('names a damaged file and leaves with 81', async () => {
    const file = join(await copyVariant(), 'model.onnx.data');
    const handle = await open(file, 'r+');
    await handle.truncate(1000);
    await handle.close();
    const { code, log } = await runWorker({});
    expect(code).toBe(81);
    expect(log).toContain('model.onnx.data');
  });

  it('refuses a context longer than the model was trained for and leaves with 82', async () => {
    await copyVariant();
    const { code, log } = await runWorker({ DROVER_CONTEXT: '4096' });
    expect(code).toBe(82);
    expect(log).toMatch(/4096.*1024/);
  });

  it('names a device that is not there and leaves with 84', async () => {
    await copyVariant();
    const { code, log } = await runWorker({ DROVER_DEVICE: 'cuda' });
    expect(code).toBe(84);
    expect(log).toContain('DROVER_DEVICE=cuda');
  });
});
