import { randomUUID } from 'node:crypto';
import { readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasCode, isFileMissing } from '#model-store';

const LOCK_FILE = '.lock';
const HEARTBEAT_MS = 1_000;
/** A lock not touched for this long belongs to nobody: its owner was killed, on this machine or another. */
const STALE_AFTER_MS = 15_000;
const POLL_MS = 150;
/** A second process that takes the same dead lock over does so within this time; the last one has it. */
const CONFIRM_MS = 300;

/**
 * Runs `work` while no other process builds in `directory`; waits for one that does. The lock of a dead process is
 * taken over. Should this process lose its own (it stood still for long), the signal given to `work` aborts.
 */
export async function withBuildLock<T>(
  directory: string,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const path = join(directory, LOCK_FILE);
  const owner = `${hostname()} ${process.pid} ${randomUUID()}`;
  await acquire(path, owner, signal);
  const lost = new AbortController();
  const heartbeat = setInterval(() => {
    void renew(path, owner).then((held) => held || lost.abort(new Error(`${path} was taken over`)));
  }, HEARTBEAT_MS);
  try {
    return await work(signal ? AbortSignal.any([signal, lost.signal]) : lost.signal);
  } finally {
    clearInterval(heartbeat);
    if ((await readOwner(path)) === owner) await rm(path, { force: true });
  }
}

async function acquire(path: string, owner: string, signal: AbortSignal | undefined): Promise<void> {
  for (;;) {
    signal?.throwIfAborted();
    if (await createLock(path, owner)) return;
    if ((await isAbandoned(path)) && (await takeOver(path, owner))) return;
    await sleep(POLL_MS, undefined, { signal });
  }
}

async function createLock(path: string, owner: string): Promise<boolean> {
  try {
    await writeFile(path, owner, { flag: 'wx' });
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}

async function isAbandoned(path: string): Promise<boolean> {
  const owner = await readOwner(path);
  if (owner === null) return false;
  const [host, pid] = owner.split(' ');
  if (host === hostname() && pid !== undefined && !isAlive(Number(pid))) return true;
  try {
    return Date.now() - (await stat(path)).mtimeMs > STALE_AFTER_MS;
  } catch (error) {
    if (isFileMissing(error)) return false;
    throw error;
  }
}

async function takeOver(path: string, owner: string): Promise<boolean> {
  const mine = `${path}-${randomUUID()}`;
  await writeFile(mine, owner, { flag: 'wx' });
  await rename(mine, path);
  await sleep(CONFIRM_MS);
  return (await readOwner(path)) === owner;
}

async function renew(path: string, owner: string): Promise<boolean> {
  const now = new Date();
  return (
    (await readOwner(path)) === owner &&
    utimes(path, now, now).then(
      () => true,
      () => false,
    )
  );
}

async function readOwner(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isFileMissing(error)) return null;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Someone else's process answers EPERM: it lives.
    return !hasCode(error, 'ESRCH');
  }
}
