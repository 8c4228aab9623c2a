import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DeathWitness } from './death-witness.js';
import type { LogFile } from './log-file.js';
import { isLoud, readLogLine } from './log-line.js';
import { decideRestart, describeExit, type ProcessExit } from './restart-policy.js';

export interface ProcessSpec {
  /** `api`, `worker-6_5`: names the log file and prefixes its lines on screen. */
  readonly name: string;
  /** Compiled program, and the environment on top of this process's own. */
  readonly program: string;
  readonly env: Readonly<Record<string, string>>;
  /** For a worker: tells Redis of its deaths. */
  readonly witness?: DeathWitness;
}

/** What the launcher hears of its processes. */
export interface ProcessReports {
  /** A warning, an error or a stray line of the process. */
  onLoudLine(name: string, line: string): void;
  /** It ended without being asked to; `delayMs` is null where it is not started again. */
  onExit(name: string, reason: string, lastLines: readonly string[], delayMs: number | null): void;
  onRestart(name: string, pid: number): void;
}

const LAST_LINES = 12;
const EXIT_WITH_PARENT = new URL('./exit-with-parent.js', import.meta.url).href;

/** Runs a program and starts it again with growing waits whenever it ends by itself. */
export class SupervisedProcess {
  readonly #spec: ProcessSpec;
  readonly #reports: ProcessReports;
  readonly #log: LogFile | null;
  readonly #stopping = new AbortController();
  readonly #lastLines: string[] = [];
  #child: ChildProcess | undefined;
  #running: Promise<ProcessExit> | undefined;
  #ended = false;

  /** @param log closed at its end; with null its output is this process's own, and no line of it is reported. */
  constructor(spec: ProcessSpec, log: LogFile | null, reports: ProcessReports) {
    this.#spec = spec;
    this.#reports = reports;
    this.#log = log;
  }

  get name(): string {
    return this.#spec.name;
  }

  get logPath(): string {
    return this.#log?.path ?? 'standard output';
  }

  get lastLines(): readonly string[] {
    return this.#lastLines;
  }

  /** True once it has ended for good: stopped, or beyond what a restart could mend. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Resolves with how its last run ended, once it has ended for good. */
  start(): Promise<ProcessExit> {
    this.#running ??= this.#supervise();
    return this.#running;
  }

  /** Asks it to drain, waits, and kills it if it takes longer than `timeoutMs`. */
  async stop(timeoutMs: number): Promise<void> {
    this.forward('SIGTERM');
    const late = setTimeout(() => this.kill(), timeoutMs);
    await this.#running;
    clearTimeout(late);
  }

  /** Ends it at once. */
  kill(): void {
    this.forward('SIGKILL');
  }

  /** Passes on a signal that ends it; it is not started again. */
  forward(signal: NodeJS.Signals): void {
    this.#stopping.abort();
    this.#child?.kill(signal);
  }

  async #supervise(): Promise<ProcessExit> {
    const { signal } = this.#stopping;
    let exit: ProcessExit;
    let failuresInARow = 0;
    do {
      const startedAtMs = Date.now();
      exit = await this.#runOnce(failuresInARow > 0);
      if (signal.aborted) break;
      const decision = decideRestart(exit, Date.now() - startedAtMs, failuresInARow);
      const delayMs = decision.kind === 'restart' ? decision.delayMs : null;
      this.#reports.onExit(this.name, describeExit(exit), this.#lastLines, delayMs);
      if (decision.kind === 'give-up') break;
      failuresInARow = decision.failuresInARow;
      await sleep(decision.delayMs, undefined, { signal }).catch(() => undefined);
    } while (!signal.aborted);
    await this.#spec.witness?.close();
    this.#ended = true;
    this.#log?.close();
    return exit;
  }

  async #runOnce(again: boolean): Promise<ProcessExit> {
    this.#lastLines.length = 0;
    const { program, env, witness } = this.#spec;
    const output = this.#log === null ? 'inherit' : 'pipe';
    witness?.runBegins();
    // A process group of its own: Ctrl-C in a terminal goes to the launcher alone, which drains in order.
    const child = spawn(process.execPath, ['--enable-source-maps', '--import', EXIT_WITH_PARENT, program], {
      env: { ...process.env, ...env, ...witness?.env },
      stdio: ['pipe', output, output],
      detached: true,
    });
    this.#child = child;
    child.stdin?.on('error', () => undefined);
    if (again && child.pid !== undefined) this.#reports.onRestart(this.name, child.pid);
    if (child.stdout !== null) this.#listen(child.stdout);
    if (child.stderr !== null) this.#listen(child.stderr);
    const exit = await this.#exitOf(child);
    witness?.runEnded(exit);
    return exit;
  }

  #exitOf(child: ChildProcess): Promise<ProcessExit> {
    return new Promise((resolve) => {
      child.once('error', (error) => {
        this.#lastLines.push(error.message);
        resolve({ kind: 'code', code: 1 });
      });
      child.once('close', (code, signal) => {
        resolve(code === null ? { kind: 'signal', signal: signal ?? 'unknown' } : { kind: 'code', code });
      });
    });
  }

  #listen(stream: Readable): void {
    stream.on('data', (chunk: Buffer) => this.#log?.write(chunk));
    createInterface({ input: stream }).on('line', (text) => {
      const line = readLogLine(text);
      this.#lastLines.push(line.message);
      if (this.#lastLines.length > LAST_LINES) this.#lastLines.shift();
      if (isLoud(line)) this.#reports.onLoudLine(this.name, line.message);
    });
  }
}
