import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { variantDirectory } from '#model-store';
import {
  AppProcess,
  buildDroverTinyVariant,
  droverTinyCheckpoint,
  startTestRedis,
  type TestRedis,
} from '#testing';
import { LogFile } from '../../apps/cli/src/supervision/log-file.js';
import { freePort } from '../../apps/cli/src/system/ports.js';
import { WORKERS } from './plan-faults.js';
import { WorkerSeat } from './worker-seat.js';

export const MODEL = 'drover-tiny';
export const VARIANT = '6_5';
const BITS_PER_WEIGHT = 6.5;

/** A redis-server with an append-only file, one API process and the workers' seats, each its own process. */
export class ChaosSystem {
  #api: AppProcess | undefined;

  private constructor(
    readonly folder: string,
    readonly redis: TestRedis,
    readonly workers: readonly WorkerSeat[],
    private readonly apiPort: number,
    private readonly env: Readonly<Record<string, string>>,
    private readonly apiLog: LogFile,
  ) {}

  /** Starts everything. `onWorkerLine` gets what the workers log. */
  static async start(onWorkerLine: (worker: string, line: string) => void): Promise<ChaosSystem> {
    const folder = await mkdtemp(join(tmpdir(), 'drover-chaos-'));
    const env = {
      NODE_ENV: 'test',
      DROVER_MODELS_DIR: dirname(droverTinyCheckpoint()),
      DROVER_DATA_DIR: folder,
      DROVER_MODEL: MODEL,
      DROVER_VARIANT: VARIANT,
      // A drained worker hands over what it has.
      DROVER_DRAIN_S: '0',
      // Few cores carry several workers here.
      DROVER_THREADS: '1',
      DROVER_WEBHOOK_ALLOW_PRIVATE: '1',
    };
    const redis = await startTestRedis();
    const redisPort = Number(new URL(redis.url).port);
    const workers = await Promise.all(
      Array.from({ length: WORKERS }, async (_, index) => {
        const name = `worker-${index}`;
        const log = new LogFile(join(folder, 'logs', `${name}.log`));
        const onLine = (line: string) => {
          log.write(Buffer.from(`${line}\n`));
          onWorkerLine(name, line);
        };
        return WorkerSeat.open({ name, port: await freePort(), redisPort, env, onLine });
      }),
    );
    const log = new LogFile(join(folder, 'logs', 'api.log'));
    const system = new ChaosSystem(folder, redis, workers, await freePort(), env, log);
    try {
      if (redis.kind !== 'native') {
        throw new Error('This needs a durable Redis: put redis-server or valkey-server on the PATH.');
      }
      await linkVariant(folder);
      await Promise.all([system.startApi(), ...workers.map((worker) => worker.start())]);
      return system;
    } catch (error) {
      await system.close();
      throw error;
    }
  }

  get apiUrl(): string {
    return `http://127.0.0.1:${this.apiPort}`;
  }

  worker(index: number): WorkerSeat {
    const worker = this.workers[index];
    if (worker === undefined) throw new Error(`There is no worker ${index}. This is a bug of the plan.`);
    return worker;
  }

  get logs(): string {
    return join(this.folder, 'logs');
  }

  async startApi(): Promise<void> {
    this.#api = AppProcess.launch(
      'api',
      this.apiPort,
      { ...this.env, REDIS_URL: this.redis.url, DROVER_API_PORT: String(this.apiPort) },
      (line) => this.apiLog.write(Buffer.from(`${line}\n`)),
    );
    await this.#api.untilReady();
  }

  /** Resolves when everything serves again. */
  async untilReady(): Promise<void> {
    await Promise.all([this.#api?.untilReady(), ...this.workers.map((worker) => worker.untilReady())]);
  }

  async killApi(): Promise<void> {
    await this.#api?.kill9();
  }

  /** For a process that must end at once; Redis notices by itself. */
  killNow(): void {
    this.#api?.signal('SIGKILL');
    for (const worker of this.workers) worker.signal('SIGKILL');
  }

  /** Ends every process; the folder stays for `removeFiles`. */
  async close(): Promise<void> {
    await Promise.all([this.killApi(), ...this.workers.map((worker) => worker.close())]);
    await this.redis.close();
  }

  async removeFiles(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The variant is built once per machine and shared by all runs. */
async function linkVariant(dataDir: string): Promise<void> {
  const link = variantDirectory(dataDir, MODEL, VARIANT);
  await mkdir(dirname(link), { recursive: true });
  await symlink(await buildDroverTinyVariant(BITS_PER_WEIGHT), link);
}
