import { fileURLToPath } from 'node:url';
import { storedValue } from '../stored-value.js';
import type { RunningRedis } from './running-redis.js';
import { startServerProcess } from './server-process.js';

/** A plain JavaScript file, so that it also runs from the sources; the build names it .js. */
const PROGRAM = import.meta.url.endsWith('.ts')
  ? './embedded-redis-program.mjs'
  : './embedded-redis-program.js';

/** Starts the JavaScript server in a process of its own. It holds everything in memory and keeps nothing. */
export async function startEmbeddedRedis(port: number | undefined): Promise<RunningRedis> {
  const program = fileURLToPath(new URL(PROGRAM, import.meta.url));
  const server = await startServerProcess(process.execPath, [program, String(port ?? 0)], process.cwd());
  const listening = storedValue<{ port: number; pid: number }>(JSON.parse(server.firstLine));
  return {
    url: `redis://127.0.0.1:${listening.port}`,
    pid: listening.pid,
    serverName: 'js-redis-server',
    close: () => server.stop(listening.pid),
  };
}
