import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { basename, delimiter, join, resolve } from 'node:path';
import { Redis } from 'ioredis';
import type { RunningRedis } from './running-redis.js';
import { startServerProcess } from './server-process.js';

const BINARIES = ['valkey-server', 'redis-server'];
const READY_TIMEOUT_MS = 20_000;
/** Another program may take the free port before the server does. */
const PORT_TRIES = 3;

/** Path of a Redis or Valkey server on PATH. */
export function findRedisBinary(path = process.env['PATH'] ?? ''): string | undefined {
  const folders = path.split(delimiter).filter((folder) => folder !== '');
  return folders.flatMap((folder) => BINARIES.map((name) => join(folder, name))).find(isExecutable);
}

/** Starts a durable server on a loopback port (a free one unless given) with its data in `dataDir`. */
export async function startNativeRedis(
  binary: string,
  dataDir: string,
  port: number | undefined,
): Promise<RunningRedis> {
  await mkdir(dataDir, { recursive: true });
  for (let tries = 1; ; tries++) {
    const chosen = port ?? (await freePort());
    try {
      return await startOn(binary, resolve(dataDir), chosen);
    } catch (error) {
      if (port !== undefined || tries === PORT_TRIES || !(await isTaken(chosen))) throw error;
    }
  }
}

/**
 * The shell holds the life line: when our end of its standard input closes, however that comes about, it ends the
 * server in order. Its first line is the server's process id.
 */
const KEEPER = `
exec 3<&0
"$@" </dev/null 3<&- >/dev/null &
server=$!
echo "$server"
( cat <&3 >/dev/null; kill -TERM "$server" ) >/dev/null 2>&1 &
wait "$server"
`;

async function startOn(binary: string, dataDir: string, port: number): Promise<RunningRedis> {
  const keeper = await startServerProcess(
    '/bin/sh',
    ['-c', KEEPER, 'redis-keeper', binary, ...configuration(dataDir, port)],
    dataDir,
  );
  const pid = Number(keeper.firstLine);
  const url = `redis://127.0.0.1:${port}`;
  try {
    await keeper.whileAlive(waitUntilServing(url, pid));
  } catch (error) {
    await keeper.stop(pid);
    throw new Error(`${basename(binary)} did not start in ${dataDir}: ${lastLogLines(dataDir)}`, {
      cause: error,
    });
  }
  return { url, pid, serverName: basename(binary), close: () => keeper.stop(pid) };
}

function configuration(dataDir: string, port: number): string[] {
  return [
    ['--bind', '127.0.0.1'],
    ['--port', String(port)],
    ['--dir', dataDir],
    // An acknowledged job survives a kill at once and a power cut after a second.
    ['--appendonly', 'yes'],
    ['--appendfsync', 'everysec'],
    ['--save', ''],
    // A full store refuses new jobs; it must never drop old ones.
    ['--maxmemory-policy', 'noeviction'],
    // Redis sets aside a whole node for a stream of one entry: 4 KiB for every waiting job unless told otherwise.
    ['--stream-node-max-bytes', '512'],
    // Records of common jobs stay in the compact form. (Its older name, which newer servers know too.)
    ['--hash-max-ziplist-value', '1024'],
    ['--loglevel', 'warning'],
    ['--logfile', join(dataDir, 'redis.log')],
  ].flat();
}

/** Waits for replies of our own server: another one might answer on the port. */
async function waitUntilServing(url: string, pid: number): Promise<void> {
  const redis = new Redis(url, { retryStrategy: () => 20, maxRetriesPerRequest: null, lazyConnect: true });
  redis.on('error', () => {});
  const timer = setTimeout(() => redis.disconnect(), READY_TIMEOUT_MS);
  try {
    const info = await redis.info('server');
    if (!info.includes(`process_id:${pid}\r`)) throw new Error(`Another server answers on ${url}.`);
  } finally {
    clearTimeout(timer);
    redis.disconnect();
  }
}

function lastLogLines(dataDir: string): string {
  try {
    return readFileSync(join(dataDir, 'redis.log'), 'utf8').trimEnd().split('\n').slice(-3).join(' | ');
  } catch {
    return 'it wrote no log.';
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done, reject) => server.once('error', reject).listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (address === null || typeof address === 'string') throw new Error('No free port on 127.0.0.1.');
  return address.port;
}

async function isTaken(port: number): Promise<boolean> {
  const server = createServer();
  const taken = await new Promise<boolean>((done) => {
    server.once('error', () => done(true)).listen(port, '127.0.0.1', () => done(false));
  });
  await new Promise((done) => server.close(done));
  return taken;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
