import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { hasCode } from '#model-store';

const STAGING_PREFIX = '.building-';
const REPLACED_PREFIX = '.replaced-';

/**
 * Builds a directory beside its place and renames it there once it is whole: whoever looks sees the old one, none,
 * or the new one. A failed or aborted build leaves nothing. Call it under the directory's build lock.
 */
export async function buildInto<T>(target: string, build: (staging: string) => Promise<T>): Promise<T> {
  return withStaging(dirname(target), async (staging) => {
    const result = await build(staging);
    await publish(staging, target);
    return result;
  });
}

/** A directory in `parent` that is gone when `work` ends. */
export async function withStaging<T>(parent: string, work: (staging: string) => Promise<T>): Promise<T> {
  // Not mkdtemp: its directories are closed to other users, who may well run the workers.
  const staging = join(parent, `${STAGING_PREFIX}${randomUUID()}`);
  await mkdir(staging);
  try {
    return await work(staging);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** Removes what killed builds left in `parent`. Call it under its build lock. */
export async function removeLeftovers(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    if (name.startsWith(STAGING_PREFIX) || name.startsWith(REPLACED_PREFIX)) {
      await rm(join(parent, name), { recursive: true, force: true });
    }
  }
}

async function publish(staging: string, target: string): Promise<void> {
  try {
    await rename(staging, target);
  } catch (error) {
    if (!hasCode(error, 'ENOTEMPTY') && !hasCode(error, 'EEXIST') && !hasCode(error, 'EPERM')) throw error;
    const replaced = await mkdtemp(join(dirname(target), REPLACED_PREFIX));
    await rename(target, join(replaced, basename(target)));
    await rename(staging, target);
    await rm(replaced, { recursive: true, force: true });
  }
  await syncDirectory(dirname(target));
}

/** Makes the rename survive a power cut, where the platform lets directories be opened. */
async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
