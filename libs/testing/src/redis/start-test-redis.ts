import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launchRedis, type LaunchedRedis } from '#queue';

/** A Redis of a test's own: real where PATH has one, else the embedded server. */
export interface TestRedis {
  /** Stays the same over a restart. */
  readonly url: string;
  readonly kind: LaunchedRedis['kind'];
  close(): Promise<void>;
  /** `kill -9`, as a crash would. */
  kill9(): Promise<void>;
  /** Starts it again on the same port and data after `kill9`. */
  restart(): Promise<void>;
  /** Stops the process without ending it: connections stay open and nothing answers. */
  pause(): void;
  resume(): void;
}

export async function startTestRedis(mode: 'auto' | 'embedded' = 'auto'): Promise<TestRedis> {
  const dataDir = await mkdtemp(join(tmpdir(), 'drover-redis-'));
  let server = await launchRedis({ dataDir, mode, nodeEnv: 'test' });
  const { url, kind } = server;
  return {
    url,
    kind,
    async close() {
      signal(server, 'SIGCONT');
      await server.close();
      await rm(dataDir, { recursive: true, force: true });
    },
    async kill9() {
      signal(server, 'SIGKILL');
      await server.close();
    },
    async restart() {
      server = await launchRedis({ dataDir, mode, nodeEnv: 'test', port: Number(new URL(url).port) });
    },
    pause: () => signal(server, 'SIGSTOP'),
    resume: () => signal(server, 'SIGCONT'),
  };
}

function signal(server: LaunchedRedis, name: NodeJS.Signals): void {
  try {
    process.kill(server.pid, name);
  } catch (error) {
    const gone = error instanceof Error && 'code' in error && error.code === 'ESRCH';
    if (!gone) throw error;
  }
}
