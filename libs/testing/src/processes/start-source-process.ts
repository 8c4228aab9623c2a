import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { until } from '../redis/until.js';
import type { ExitStatus } from './app-process.js';

/** A TypeScript source file run by Node in a process of its own, for tests that kill one. */
export interface SourceProcess {
  readonly pid: number;
  /** Lines of standard output so far. */
  readonly lines: readonly string[];
  waitForLine(line: string): Promise<void>;
  signal(name: NodeJS.Signals): void;
  /** How it ended, once it has. */
  readonly exited: Promise<ExitStatus>;
  /** `kill -9`; resolves when it is gone. */
  kill9(): Promise<void>;
}

/** Node 24 is a development dependency, so it is there whichever Node runs the tests. */
const NODE = fileURLToPath(new URL('../../../../node_modules/.bin/node', import.meta.url));
const HOOKS = fileURLToPath(new URL('./source-hooks.mjs', import.meta.url));

function startSourceProcess(file: URL, args: readonly string[]): SourceProcess {
  const flags = [
    '--conditions=drover-source',
    '--experimental-transform-types',
    '--no-warnings',
    '--import',
    HOOKS,
  ];
  const child = spawn(NODE, [...flags, fileURLToPath(file), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = new Promise<ExitStatus>((done) => {
    child.once('exit', (code, signal) => done({ code, signal }));
  });
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  return {
    pid: child.pid ?? 0,
    lines,
    waitForLine: async (line) => {
      await until(() => lines.includes(line) || assertAlive(child, line));
    },
    signal: (name) => void child.kill(name),
    exited,
    async kill9() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** A worker on `tiny:6_5` in a process of its own; see child-worker.ts. */
export async function startChildWorker(
  redisUrl: string,
  options: { slots: number; tokens: number; tokenMs: number; temper?: 'stubborn' },
): Promise<SourceProcess> {
  const { slots, tokens, tokenMs, temper = '' } = options;
  const file = new URL('./child-worker.ts', import.meta.url);
  const worker = startSourceProcess(file, [redisUrl, slots, tokens, tokenMs, temper].map(String));
  await worker.waitForLine('ready');
  return worker;
}

/** A process that launched a Redis and says its process id first; see launching-parent.ts. */
export function startLaunchingParent(dataDir: string, mode: 'auto' | 'embedded'): SourceProcess {
  return startSourceProcess(new URL('./launching-parent.ts', import.meta.url), [dataDir, mode]);
}

function assertAlive(child: ChildProcess, line: string): false {
  if (child.exitCode === null && child.signalCode === null) return false;
  throw new Error(`The process ended (${child.signalCode ?? child.exitCode}) before it said ${line}.`);
}
