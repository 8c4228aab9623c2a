import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LauncherSettings } from '#config';
import { launchRedis, type LaunchedRedis } from '#queue';
import { ensureVariants, type QuantizeProgress } from '#quantizer';
import { DroverClient } from '../client/drover-client.js';
import type { Interrupts } from '../supervision/interrupts.js';
import { DeathWitness } from '../supervision/death-witness.js';
import { LogFile } from '../supervision/log-file.js';
import {
  SupervisedProcess,
  type ProcessReports,
  type ProcessSpec,
} from '../supervision/supervised-process.js';
import { planProcesses } from './plan-processes.js';
import { LOOPBACK, requireFreePort } from './ports.js';
import { waitUntilServing } from './wait-until-serving.js';

export interface SystemOptions {
  /** `DROVER_API_PORT` must name the port: 0 tells nobody where the API is. */
  readonly settings: LauncherSettings;
  readonly redisDataDir: string;
  /** First of `DROVER_API_KEYS`, where there are any. */
  readonly apiKey: string | undefined;
  readonly apiEnv?: Readonly<Record<string, string>>;
  readonly reports: ProcessReports;
  readonly onStage: (stage: string) => void;
  readonly onBuildProgress: (progress: QuantizeProgress) => void;
  readonly interrupts: Interrupts;
}

/** Redis, the API and one worker for each variant, all serving. */
export interface RunningSystem {
  readonly baseUrl: string;
  readonly client: DroverClient;
  /** Null where `REDIS_URL` names one that was there before. */
  readonly redis: LaunchedRedis | null;
  readonly processes: readonly SupervisedProcess[];
  /** Drains workers, then the API, then Redis. */
  close(): Promise<void>;
}

/** Beyond their own drain, for processes to hand over what is left, let go of Redis and end. */
const STOP_GRACE_MS = 10_000;
const programPath = (app: string) => fileURLToPath(new URL(`../../../${app}/src/main.js`, import.meta.url));

/** Starts everything and resolves when jobs can be served; whatever fails on the way, nothing stays behind. */
export async function startSystem(options: SystemOptions): Promise<RunningSystem> {
  const { settings, interrupts } = options;
  const signal = interrupts.drain;
  const logsDir = join(settings.DROVER_DATA_DIR, 'logs');
  const processes: SupervisedProcess[] = [];
  let redis: LaunchedRedis | null = null;

  const close = async () => {
    const timeoutMs = settings.DROVER_DRAIN_S * 1_000 + STOP_GRACE_MS;
    const [api, ...workers] = processes;
    await Promise.all(workers.map((worker) => worker.stop(timeoutMs)));
    await api?.stop(timeoutMs);
    await redis?.close();
  };
  const kill = () => {
    for (const each of processes) each.kill();
  };
  interrupts.force.addEventListener('abort', kill, { once: true });

  try {
    await requireFreePort(settings.DROVER_API_PORT, settings.DROVER_API_HOST ?? LOOPBACK);
    redis = await openRedis(options);
    options.onStage(describeRedis(redis));
    const plan = planProcesses(
      settings,
      redis?.url ?? settings.REDIS_URL ?? '',
      { api: programPath('api'), worker: programPath('worker') },
      options.apiEnv,
    );
    const launch = (spec: ProcessSpec) => {
      const log = new LogFile(join(logsDir, `${spec.name}.log`));
      const started = new SupervisedProcess(spec, log, options.reports);
      processes.push(started);
      void started.start();
    };
    launch(plan.api);
    await buildVariants(options);
    for (const { serves, ...spec } of plan.workers) {
      const tell = (line: string) => options.reports.onLoudLine(spec.name, line);
      launch({ ...spec, witness: new DeathWitness(serves, tell) });
    }
    options.onStage(`Starting the API and a worker for ${settings.DROVER_VARIANTS.join(', ')}`);
    const baseUrl = `http://${hostToCall(settings.DROVER_API_HOST)}:${settings.DROVER_API_PORT}`;
    const client = new DroverClient({ baseUrl, apiKey: options.apiKey });
    await waitUntilServing({ client, settings, processes, signal });
    return { baseUrl, client, redis, processes, close };
  } catch (error) {
    if (!signal.aborted) kill();
    await close();
    throw error;
  }
}

async function openRedis({ settings, redisDataDir }: SystemOptions): Promise<LaunchedRedis | null> {
  if (settings.REDIS_URL !== undefined) return null;
  await mkdir(redisDataDir, { recursive: true });
  return launchRedis({
    dataDir: redisDataDir,
    mode: settings.DROVER_REDIS,
    nodeEnv: settings.NODE_ENV,
  });
}

function describeRedis(redis: LaunchedRedis | null): string {
  if (redis === null) return 'Redis: the one that REDIS_URL names';
  if (redis.kind === 'native') return `Redis: ${redis.serverName}, started here, durable`;
  return (
    `Redis: ${redis.serverName}. IN MEMORY, FOR DEMOS ONLY: every job is lost when it stops. ` +
    'For more, install redis-server or valkey-server, or set REDIS_URL.'
  );
}

async function buildVariants({
  settings,
  interrupts,
  onBuildProgress,
  onStage,
}: SystemOptions): Promise<void> {
  const startedAtMs = Date.now();
  const built = await ensureVariants({
    modelsDir: settings.DROVER_MODELS_DIR,
    dataDir: settings.DROVER_DATA_DIR,
    model: settings.DROVER_MODEL,
    variants: settings.DROVER_VARIANTS,
    signal: interrupts.drain,
    onProgress: onBuildProgress,
  });
  const names = built.map(({ variant }) => variant).join(', ');
  const seconds = ((Date.now() - startedAtMs) / 1000).toFixed(1);
  onStage(
    built.length > 0
      ? `Variants: built ${names} in ${seconds} s (kept for the next start)`
      : `Variants: ${settings.DROVER_VARIANTS.join(', ')} are there`,
  );
}

/** An address to listen on need not be one to call: `0.0.0.0` means all of them. */
function hostToCall(host: string | undefined): string {
  if (host === undefined || host === '0.0.0.0' || host === '::') return LOOPBACK;
  return host.includes(':') ? `[${host}]` : host;
}
