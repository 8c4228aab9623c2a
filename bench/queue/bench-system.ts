import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadLauncherSettings, type LauncherSettings } from '#config';
import type { DroverClient } from '../../apps/cli/src/client/drover-client.js';
import type { Interrupts } from '../../apps/cli/src/supervision/interrupts.js';
import { LogFile } from '../../apps/cli/src/supervision/log-file.js';
import { SupervisedProcess, type ProcessReports } from '../../apps/cli/src/supervision/supervised-process.js';
import { freePort, LOOPBACK } from '../../apps/cli/src/system/ports.js';
import { startSystem } from '../../apps/cli/src/system/start-system.js';
import { waitUntilServing } from '../../apps/cli/src/system/wait-until-serving.js';

/** The variant that the real worker serves. */
export const SERVED_VARIANT = '6_5';
/** The variant that jobs wait for: nobody serves it until the instant worker comes. */
export const BACKLOG_VARIANT = '5_0';

const INSTANT_WORKER = fileURLToPath(new URL('./instant-worker.js', import.meta.url));
const STOP_WITHIN_MS = 40_000;

/** Empty unsets: no keys, receivers on this machine, and no bound below the backlog. */
const API_ENV = {
  DROVER_API_KEYS: '',
  DROVER_WEBHOOK_SECRET: '',
  DROVER_WEBHOOK_ALLOW_PRIVATE: '1',
  DROVER_MAX_QUEUED_JOBS: '10000000',
  DROVER_MAX_QUEUED_TOKENS: '1000000000',
};

/** A new redis-server with a new API process and worker, put together as `npm start` does it. */
export interface BenchSystem {
  readonly model: string;
  readonly baseUrl: string;
  readonly client: DroverClient;
  readonly redisUrl: string;
  stopWorker(): Promise<void>;
  /** Resolves when it takes the jobs of the backlog's variant. */
  startInstantWorker(): Promise<void>;
  stopInstantWorker(): Promise<void>;
  close(): Promise<void>;
}

export async function startBenchSystem(
  interrupts: Interrupts,
  say: (line: string) => void,
): Promise<BenchSystem> {
  const settings = await benchSettings();
  const reports = reportTo(say);
  const redisDataDir = await mkdtemp(join(tmpdir(), 'drover-bench-'));
  const removeData = () => rm(redisDataDir, { recursive: true, force: true });
  const system = await startSystem({
    settings,
    redisDataDir,
    apiKey: undefined,
    apiEnv: API_ENV,
    reports,
    onStage: () => undefined,
    onBuildProgress: () => undefined,
    interrupts,
  }).catch(async (error: unknown) => {
    await removeData();
    throw error;
  });
  const { baseUrl, client, redis, processes } = system;
  const [, worker] = processes;
  const { DROVER_MODEL: model, DROVER_DATA_DIR: dataDir } = settings;
  const redisUrl = redis?.url ?? '';
  const instant = new SupervisedProcess(
    {
      name: 'worker-instant',
      program: INSTANT_WORKER,
      env: { REDIS_URL: redisUrl, DROVER_MODEL: model, DROVER_VARIANT: BACKLOG_VARIANT },
    },
    new LogFile(join(dataDir, 'logs', 'worker-instant.log')),
    reports,
  );
  const bench: BenchSystem = {
    model,
    baseUrl,
    client,
    redisUrl,
    stopWorker: async () => worker?.stop(STOP_WITHIN_MS),
    startInstantWorker() {
      void instant.start();
      return waitUntilServing({
        client,
        settings: { DROVER_MODEL: model, DROVER_VARIANTS: [BACKLOG_VARIANT] },
        processes: [instant],
        signal: interrupts.drain,
      });
    },
    stopInstantWorker: () => instant.stop(STOP_WITHIN_MS),
    async close() {
      await instant.stop(STOP_WITHIN_MS);
      await system.close();
      await removeData();
    },
  };
  if (redis?.kind === 'native') return bench;
  await bench.close();
  throw new Error('This needs a durable Redis: put redis-server or valkey-server on the PATH.');
}

/** Never a Redis that is there already: it is filled with jobs. */
async function benchSettings(): Promise<LauncherSettings> {
  return {
    ...loadLauncherSettings({ ...process.env, REDIS_URL: '', DROVER_VARIANTS: SERVED_VARIANT }),
    DROVER_API_HOST: LOOPBACK,
    DROVER_API_PORT: await freePort(),
  };
}

function reportTo(say: (line: string) => void): ProcessReports {
  return {
    onLoudLine: (name, line) => say(`[${name}] ${line}`),
    onExit: (name, reason) => say(`[${name}] ended by itself (${reason})`),
    onRestart: (name) => say(`[${name}] started again`),
  };
}
