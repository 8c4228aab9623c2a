import { mkdtemp, mkdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { onTestFinished } from 'vitest';
import { variantDirectory } from '#model-store';
import { AppProcess, buildDroverTinyVariant, startTestRedis } from '#testing';
import { DroverClient } from './drover-client.js';
import { freePort } from './free-port.js';

export const MODEL = 'drover-tiny';

const VARIANTS = {
  '8_0': () => buildDroverTinyVariant(8),
  '6_5': () => buildDroverTinyVariant(6.5),
  '5_0': () => buildDroverTinyVariant(5),
  '8_0-gpu': () => buildDroverTinyVariant(8, 'f16'),
};
export type VariantName = keyof typeof VARIANTS;

export interface SystemOptions {
  /** Variants on disk. Default 8_0. */
  readonly variants?: readonly VariantName[];
  /** Workers to start with. Default one for each of `variants`, in which a variant may stand twice. */
  readonly workers?: readonly VariantName[];
  readonly slots?: number;
  /** Further environment of every process. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A whole Drover of real processes: Redis, the API and workers. */
export interface System {
  readonly apiUrl: string;
  readonly client: DroverClient;
  readonly redis: Awaited<ReturnType<typeof startTestRedis>>;
  readonly api: AppProcess;
  /** Environment that every process has. */
  readonly env: Readonly<Record<string, string>>;
  /** Workers in the order they were started. */
  readonly workers: readonly AppProcess[];
  /** Starts one more worker, with environment of its own, and waits until it takes jobs. */
  startWorker(variant: VariantName, env?: Readonly<Record<string, string>>): Promise<AppProcess>;
  /** Ends every process and removes every file. */
  close(): Promise<void>;
}

export async function startSystem(options: SystemOptions = {}): Promise<System> {
  const { variants = ['8_0'], workers: firstWorkers = variants, slots = 8, env = {} } = options;
  const dataDir = await mkdtemp(join(tmpdir(), 'drover-e2e-'));
  await Promise.all([...new Set(variants)].map((variant) => linkVariant(dataDir, variant)));
  const redis = await startTestRedis();
  const common = {
    NODE_ENV: 'test',
    REDIS_URL: redis.url,
    DROVER_MODELS_DIR: resolve(import.meta.dirname, '../../models'),
    DROVER_DATA_DIR: dataDir,
    ...env,
  };
  const workers: AppProcess[] = [];
  let api: AppProcess | undefined;

  async function startWorker(
    variant: VariantName,
    ownEnv: Readonly<Record<string, string>> = {},
  ): Promise<AppProcess> {
    const port = await freePort();
    const worker = AppProcess.launch('worker', port, {
      DROVER_MODEL: MODEL,
      DROVER_VARIANT: variant,
      DROVER_SLOTS: String(slots),
      // Two cores carry several workers here.
      DROVER_THREADS: '1',
      ...common,
      ...ownEnv,
      DROVER_WORKER_PORT: String(port),
    });
    workers.push(worker);
    await worker.untilReady();
    return worker;
  }

  async function close(): Promise<void> {
    await Promise.all(workers.map((worker) => worker.kill9()));
    await api?.stop();
    await redis.close();
    await rm(dataDir, { recursive: true, force: true });
  }

  try {
    const port = await freePort();
    [api] = await Promise.all([
      AppProcess.start('api', port, { ...common, DROVER_API_PORT: String(port) }),
      ...firstWorkers.map((variant) => startWorker(variant)),
    ]);
    const client = new DroverClient(api.url);
    return { apiUrl: api.url, client, redis, api, env: common, workers, startWorker, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A system that lives as long as the test that starts it. */
export async function startSystemForTest(options?: SystemOptions): Promise<System> {
  const system = await startSystem(options);
  onTestFinished(() => system.close());
  return system;
}

/** The variant is built once per machine and shared by all test runs. */
async function linkVariant(dataDir: string, variant: VariantName): Promise<void> {
  const link = variantDirectory(dataDir, MODEL, variant);
  await mkdir(dirname(link), { recursive: true });
  await symlink(await VARIANTS[variant](), link);
}
