import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Where the peers' packages live: outside the sources, which are searched for files to build. */
export const PEERS_FOLDER = join('.data', 'peers');

const SOURCE = join('bench', 'peers');
const PACKAGE_FILES = ['package.json', 'package-lock.json', 'absent'];
/** Written by npm when an installation is whole. */
const INSTALLED_MARK = join('node_modules', '.package-lock.json');
const INSTALL_LIMIT_MS = 600_000;

/**
 * Installs the pinned peers where they are missing or others are pinned now. No script of theirs runs: their prebuilt
 * libraries come from the registry. @throws naming the command to try by hand.
 */
export async function installPeers(): Promise<void> {
  if (await isInstalled()) return;
  process.stderr.write(`Installing what ours is measured against into ${PEERS_FOLDER} …\n`);
  await rm(PEERS_FOLDER, { recursive: true, force: true });
  await mkdir(PEERS_FOLDER, { recursive: true });
  for (const name of PACKAGE_FILES) {
    await cp(join(SOURCE, name), join(PEERS_FOLDER, name), { recursive: true });
  }
  const code = await npmCi();
  if (code === 0) return;
  throw new Error(
    `npm ended with ${code} in ${PEERS_FOLDER}, its words are above. The peers need the npm registry; ` +
      `try \`npm ci --ignore-scripts\` there, or measure without them: --systems ours.`,
  );
}

async function isInstalled(): Promise<boolean> {
  const [wanted, copied, mark] = await Promise.all([
    readOrNull(join(SOURCE, 'package-lock.json')),
    readOrNull(join(PEERS_FOLDER, 'package-lock.json')),
    readOrNull(join(PEERS_FOLDER, INSTALLED_MARK)),
  ]);
  return wanted !== null && wanted === copied && mark !== null;
}

function readOrNull(path: string): Promise<string | null> {
  return readFile(path, 'utf8').catch(() => null);
}

async function npmCi(): Promise<number | string> {
  const child = spawn('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: PEERS_FOLDER,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' },
    shell: process.platform === 'win32',
    timeout: INSTALL_LIMIT_MS,
  });
  const [code, signal] = await once(child, 'exit');
  return code ?? signal;
}
