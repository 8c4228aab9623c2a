import { AppProcess, TcpProxy } from '#testing';

const METRICS_WITHIN_MS = 500;

export interface SeatOptions {
  readonly name: string;
  /** Port of its health and metrics, the same over restarts. */
  readonly port: number;
  readonly redisPort: number;
  readonly env: Readonly<Record<string, string>>;
  readonly onLine: (line: string) => void;
}

/** A place for one worker, which may die and be started again, on a cable of its own to Redis. */
export class WorkerSeat {
  readonly name: string;
  #app: AppProcess | undefined;
  /** Of the worker that sits here now, and of those before it. */
  #lateWrites = 0;
  #earlierLateWrites = 0;

  private constructor(
    readonly cable: TcpProxy,
    private readonly options: SeatOptions,
  ) {
    this.name = options.name;
  }

  static async open(options: SeatOptions): Promise<WorkerSeat> {
    return new WorkerSeat(await TcpProxy.open(options.redisPort), options);
  }

  /** Resolves when the worker takes jobs. */
  async start(): Promise<void> {
    const { port, env, onLine } = this.options;
    this.#earlierLateWrites += this.#lateWrites;
    this.#lateWrites = 0;
    this.#app = AppProcess.launch(
      'worker',
      port,
      {
        ...env,
        REDIS_URL: `redis://127.0.0.1:${this.cable.port}`,
        DROVER_WORKER_PORT: String(port),
      },
      onLine,
    );
    await this.#app.untilReady();
  }

  async untilReady(): Promise<void> {
    await this.#app?.untilReady();
  }

  /** Writes that Redis refused because the attempt had lost its job, as last counted. */
  get lateWrites(): number {
    return this.#earlierLateWrites + this.#lateWrites;
  }

  /** To be called before the worker's count dies with it. */
  async countLateWrites(): Promise<void> {
    try {
      const url = `${this.#app?.url}/metrics`;
      const page = await (await fetch(url, { signal: AbortSignal.timeout(METRICS_WITHIN_MS) })).text();
      const counts = page.matchAll(/^drover_late_writes_refused_total\{.*\} (\d+)$/gm);
      this.#lateWrites = [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
    } catch {
      // It stays at what was counted before: a figure for information.
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#app?.signal(signal);
  }

  /** SIGTERM, up to the worker's end. */
  async drain(): Promise<void> {
    await this.#app?.stop();
  }

  async kill9(): Promise<void> {
    await this.#app?.kill9();
  }

  async close(): Promise<void> {
    await this.kill9();
    await this.cable.close();
  }
}
