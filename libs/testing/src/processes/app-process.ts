import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { repositoryRoot } from '../models/build-cache.js';
import { until } from '../redis/until.js';

const KEPT_LOG_LINES = 2_000;
/** Several processes start at once on few cores. */
const READY_TIMEOUT_MS = 90_000;
const ANSWER_TIMEOUT_MS = 2_000;

export interface ExitStatus {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** One of the apps as its own process, run from dist/ as in production. */
export class AppProcess {
  /** Last lines of standard output and error. */
  readonly logLines: string[] = [];
  readonly exited: Promise<ExitStatus>;
  private readonly child: ChildProcess;

  private constructor(
    readonly name: 'api' | 'worker',
    /** Where its HTTP port answers. */
    readonly url: string,
    env: Readonly<Record<string, string>>,
    private readonly onLine: (line: string) => void,
  ) {
    const root = repositoryRoot();
    const main = join(root, 'dist/apps', name, 'src/main.js');
    if (!existsSync(main)) throw new Error(`${main} is missing. Run \`npm run build\` first.`);
    this.child = spawn(process.execPath, ['--enable-source-maps', main], {
      cwd: root,
      env: { PATH: process.env['PATH'], ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      if (stream) createInterface({ input: stream }).on('line', (line) => this.keep(line));
    }
    this.exited = new Promise((done) => {
      this.child.once('exit', (code, signal) => done({ code, signal }));
    });
  }

  /** Starts the app and waits until `/readyz` answers 200. */
  static async start(
    name: 'api' | 'worker',
    port: number,
    env: Readonly<Record<string, string>>,
  ): Promise<AppProcess> {
    const app = AppProcess.launch(name, port, env);
    await app.untilReady();
    return app;
  }

  /** Starts the app without waiting for it. */
  static launch(
    name: 'api' | 'worker',
    port: number,
    env: Readonly<Record<string, string>>,
    onLine: (line: string) => void = () => {},
  ): AppProcess {
    return new AppProcess(name, `http://127.0.0.1:${port}`, env, onLine);
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error(`${this.name} was not started`);
    return this.child.pid;
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  async untilReady(): Promise<void> {
    try {
      await until(() => this.isReady(), READY_TIMEOUT_MS);
    } catch (error) {
      this.signal('SIGKILL');
      throw new Error(`${this.name} did not get ready: ${String(error)}\n${this.tail()}`, { cause: error });
    }
  }

  private async isReady(): Promise<boolean> {
    if (!this.running) throw new Error('it has ended');
    const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
    const answer = await fetch(`${this.url}/readyz`, { signal }).catch(() => undefined);
    await answer?.body?.cancel();
    return answer?.status === 200;
  }

  signal(signal: NodeJS.Signals): void {
    if (this.running) process.kill(this.pid, signal);
  }

  async kill9(): Promise<void> {
    this.signal('SIGKILL');
    await this.exited;
  }

  /** SIGTERM, and SIGKILL if it has not ended by then. */
  async stop(timeoutMs = 20_000): Promise<ExitStatus> {
    this.signal('SIGCONT');
    this.signal('SIGTERM');
    const timer = setTimeout(() => this.signal('SIGKILL'), timeoutMs);
    const status = await this.exited;
    clearTimeout(timer);
    return status;
  }

  tail(lines = 40): string {
    return this.logLines.slice(-lines).join('\n');
  }

  private keep(line: string): void {
    this.logLines.push(line);
    if (this.logLines.length > KEPT_LOG_LINES) this.logLines.shift();
    this.onLine(line);
  }
}
