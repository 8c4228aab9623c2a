import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CACHE_DIR = join(tmpdir(), 'drover-test-models');

/** The folder that holds `models/drover-tiny`, upwards from this file (sources and compiled files alike). */
export function repositoryRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'models/drover-tiny/config.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error('models/drover-tiny is not above this file: is the clone whole?');
    folder = parent;
  }
  return folder;
}

/**
 * A directory made by `build` once for all test processes: built beside, renamed into place, found again by `key`
 * and by the code that makes it.
 */
export async function buildCached(key: string, build: (directory: string) => Promise<unknown>): Promise<string> {
  const digest = createHash('sha256').update(key).update(await builderDigest()).digest('hex');
  const target = join(CACHE_DIR, digest.slice(0, 24));
  if (existsSync(target)) return target;
  await mkdir(CACHE_DIR, { recursive: true });
  const staging = await mkdtemp(join(CACHE_DIR, 'building-'));
  try {
    await build(staging);
    await rename(staging, target);
  } catch (error) {
    await rm(staging, { recursive: true, force: true });
    // Another process was first; its directory is as good.
    if (!existsSync(target)) throw error;
  }
  return target;
}

export async function digestOfFiles(paths: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const path of paths) hash.update(await readFile(path));
  return hash.digest('hex');
}

let builderDigestOnce: Promise<string> | undefined;

/** Digest of the code that writes variants: a change of it makes new ones. */
function builderDigest(): Promise<string> {
  builderDigestOnce ??= digestOfCode(['quantizer', 'model-store']);
  return builderDigestOnce;
}

async function digestOfCode(libs: readonly string[]): Promise<string> {
  const paths: string[] = [];
  for (const lib of libs) {
    const folder = fileURLToPath(new URL(`../../../${lib}/src/`, import.meta.url));
    const files = await readdir(folder, { recursive: true });
    paths.push(...files.filter((file) => /(?<!\.spec)\.[jt]s$/.test(file)).map((file) => join(folder, file)));
  }
  return digestOfFiles(paths.sort());
}
