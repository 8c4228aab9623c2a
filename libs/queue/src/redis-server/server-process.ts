import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

const START_TIMEOUT_MS = 10_000;
const STOP_TIMEOUT_MS = 5_000;

/**
 * A server as a child process that does not outlive this one: it ends when its standard input does, so even a
 * `kill -9` of the parent leaves no orphan. It has its own process group, so that Ctrl-C in a terminal reaches us
 * and not the store that a drain still needs.
 */
export interface ServerProcess {
  readonly firstLine: string;
  /** Rejects the race when the process ends on its own before `work` is done. */
  whileAlive<T>(work: Promise<T>): Promise<T>;
  /** Ends it in order; kills `serverPid` if it does not end in time. */
  stop(serverPid: number): Promise<void>;
}

/** Starts the command and waits for its first line of output, which tells that it can be used. */
export async function startServerProcess(
  command: string,
  args: readonly string[],
  cwd: string,
): Promise<ServerProcess> {
  const child = spawn(command, args, { cwd, stdio: ['pipe', 'pipe', 'pipe'], detached: true });
  const errors = collectTail(child);
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const failed = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      child.stdin.destroy();
      reject(new Error(`${command} ended (${signal ?? `exit code ${code}`}). ${errors()}`.trim()));
    });
  });
  failed.catch(() => {});
  child.stdin.on('error', () => {});
  const whileAlive = <T>(work: Promise<T>) => Promise.race([work, failed]);

  const firstLine = await whileAlive(within(START_TIMEOUT_MS, firstLineOf(child), command)).catch(
    (error: unknown) => {
      child.stdin.end();
      throw error;
    },
  );
  return {
    firstLine,
    whileAlive,
    async stop(serverPid) {
      child.stdin.end();
      const timer = setTimeout(() => killIfAlive(serverPid), STOP_TIMEOUT_MS);
      await ended;
      clearTimeout(timer);
    },
  };
}

async function firstLineOf(child: ChildProcess): Promise<string> {
  const lines = createInterface({ input: child.stdout! });
  for await (const line of lines) {
    child.stdout?.resume();
    return line;
  }
  return new Promise(() => {});
}

/** The last words of a process that failed, for the error. */
function collectTail(child: ChildProcess): () => string {
  let tail = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    tail = (tail + chunk.toString()).slice(-2_000);
  });
  return () => tail.trim();
}

async function within<T>(timeoutMs: number, work: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not start within ${timeoutMs} ms.`)), timeoutMs);
  });
  return Promise.race([work, timeout]).finally(() => clearTimeout(timer));
}

function killIfAlive(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Already gone.
  }
}
