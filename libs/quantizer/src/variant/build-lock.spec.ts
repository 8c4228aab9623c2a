import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withBuildLock } from './build-lock.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'drover-lock-'));
});
afterEach(() => rm(directory, { recursive: true }));

const lockFile = () => join(directory, '.lock');

describe('withBuildLock', () => {
  it('lets one build at a time in, and all in the end', async () => {
    let inside = 0;
    let most = 0;
    const build = () =>
      withBuildLock(directory, undefined, async () => {
        most = Math.max(most, ++inside);
        await sleep(20);
        inside--;
      });
    await Promise.all([build(), build(), build()]);
    expect(most).toBe(1);
    expect(await readdir(directory)).toEqual([]);
  });

  it('frees the lock when the build fails', async () => {
    await expect(
      withBuildLock(directory, undefined, () => Promise.reject(new Error('full disk'))),
    ).rejects.toThrow('full disk');
    expect(await withBuildLock(directory, undefined, () => Promise.resolve('built'))).toBe('built');
  });

  it('takes over the lock of a process that died', async () => {
    const process_ = spawn(process.execPath, ['-e', '']);
    await once(process_, 'exit');
    await writeFile(lockFile(), `${hostname()} ${process_.pid} x`);
    expect(await withBuildLock(directory, AbortSignal.timeout(10_000), () => Promise.resolve('built'))).toBe(
      'built',
    );
  });

  it('takes over a lock that another machine has not touched for long', async () => {
    await writeFile(lockFile(), 'another-machine 1 x');
    const longAgo = new Date(Date.now() - 60_000);
    await utimes(lockFile(), longAgo, longAgo);
    expect(await withBuildLock(directory, AbortSignal.timeout(10_000), () => Promise.resolve('built'))).toBe(
      'built',
    );
  });

  it('waits for a living owner until it is told to stop', async () => {
    await writeFile(lockFile(), `${hostname()} ${process.pid} x`);
    const stop = new AbortController();
    let built = false;
    const waiting = withBuildLock(directory, stop.signal, async () => {
      built = true;
    });
    await sleep(400);
    stop.abort(new Error('stopped'));
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
    expect(built).toBe(false);
    expect(await readdir(directory)).toEqual(['.lock']);
  });

  it('aborts a build whose lock was taken over', async () => {
    const work = withBuildLock(directory, undefined, async (signal) => {
      await writeFile(lockFile(), 'another-machine 1 x');
      await sleep(10_000, undefined, { signal });
    });
    await expect(work).rejects.toMatchObject({ cause: { message: expect.stringContaining('taken over') } });
    expect(await readdir(directory)).toEqual(['.lock']);
  });
});
