import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A `drover` command in a data folder of its own, with all it printed. */
export interface LaunchedCommand {
  readonly dataDir: string;
  readonly output: () => string;
  readonly pid: number;
  /** Exit code, or 128 + n where a signal ended it. */
  readonly exitCode: Promise<number>;
  kill(signal: NodeJS.Signals): void;
  /** Resolves with the match once the output has it; rejects when the command ends without. */
  waitFor(pattern: RegExp): Promise<RegExpExecArray>;
  /** Processes that this command started and that still run, whoever is their parent now. */
  processes(): { pid: number; command: string }[];
  /** Kills what is left and removes the data. */
  cleanUp(): Promise<void>;
}

/** Runs `node scripts/drover.mjs <arguments>` as a user would, without a terminal. */
export async function launchDrover(
  arguments_: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<LaunchedCommand> {
  const dataDir = await mkdtemp(join(tmpdir(), 'drover-e2e-'));
  const child = spawn(process.execPath, ['scripts/drover.mjs', ...arguments_], {
    env: { ...process.env, DROVER_DATA_DIR: dataDir, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const watchers = new Set<() => void>();
  const append = (chunk: Buffer) => {
    output += chunk.toString();
    for (const watcher of watchers) watcher();
  };
  child.stdout.on('data', append);
  child.stderr.on('data', append);
  let ended = false;
  const exitCode = new Promise<number>((resolve) => {
    child.once('close', (code) => {
      ended = true;
      for (const watcher of watchers) watcher();
      resolve(code ?? 128);
    });
  });
  const processes = () => processesOf(dataDir).filter(({ pid }) => pid !== child.pid);
  return {
    dataDir,
    output: () => output,
    pid: child.pid ?? 0,
    exitCode,
    kill: (signal) => child.kill(signal),
    waitFor: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const match = pattern.exec(output);
          if (match === null && !ended) return;
          watchers.delete(look);
          if (match === null) reject(new Error(`the command ended without ${pattern}:\n${output}`));
          else resolve(match);
        };
        watchers.add(look);
        look();
      }),
    processes,
    async cleanUp() {
      if (!ended) child.kill('SIGKILL');
      for (const { pid } of processes()) process.kill(pid, 'SIGKILL');
      await exitCode;
      await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** By the data folder in their environment, which every child inherits. */
function processesOf(dataDir: string): { pid: number; command: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        if (!readFileSync(`/proc/${name}/environ`, 'utf8').includes(`DROVER_DATA_DIR=${dataDir}\0`))
          return [];
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return [{ pid: Number(name), command }];
      } catch {
        // It ended while we looked.
        return [];
      }
    });
}
