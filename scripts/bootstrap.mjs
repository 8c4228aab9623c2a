// Runs on Node 20 with nothing installed: only what Node itself brings may be imported here.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const inRoot = (...parts) => join(root, ...parts);

const SOURCE_FOLDERS = ['apps', 'libs', 'bench'];
const BUILD_STAMP = inRoot('dist', '.sources.sha256');
const OLDEST_NODE = [22, 12];

/** Installs and builds what is missing or stale. Quiet unless it has to work or fails. */
export async function ensureReady() {
  await ensureInstalled();
  await ensureBuilt();
}

async function ensureInstalled() {
  const first = !existsSync(inRoot('node_modules'));
  if (!first && installedAsLocked()) return;
  say(first ? 'Installing (first run) …' : 'Installing (package-lock.json has changed) …');
  // npm names its own program to the scripts it runs; Windows can start `npm.cmd` through a shell only.
  const npm = process.env.npm_execpath?.endsWith('npm-cli.js')
    ? [process.execPath, process.env.npm_execpath]
    : ['npm'];
  const arguments_ = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  await quietly('npm ci', [...npm, ...arguments_], {
    shell: npm[0] === 'npm' && process.platform === 'win32',
  });
}

/**
 * npm writes down what it installed, when it is done: an install that was cut off or has since been overtaken by
 * the lockfile differs from it. Optional packages (for other platforms) may be absent.
 */
function installedAsLocked() {
  const wanted = readPackages(inRoot('package-lock.json'));
  const present = readPackages(inRoot('node_modules', '.package-lock.json'));
  if (present === undefined) return false;
  return Object.entries(wanted ?? {}).every(([path, entry]) => {
    if (path === '') return true;
    const found = present[path];
    if (found === undefined) return entry.optional === true || entry.devOptional === true;
    return found.version === entry.version && found.integrity === entry.integrity;
  });
}

function readPackages(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).packages : undefined;
}

async function ensureBuilt() {
  const sources = hashSources();
  if (existsSync(BUILD_STAMP) && readFileSync(BUILD_STAMP, 'utf8') === sources) return;
  say('Building …');
  rmSync(BUILD_STAMP, { force: true });
  // Like `npm run build`, but without emptying dist/ first: a system that runs from it goes on running.
  const swc = inRoot('node_modules', '@swc', 'cli', 'bin', 'swc.js');
  const folders = SOURCE_FOLDERS.filter((folder) => existsSync(inRoot(folder)));
  await quietly('swc', [nodeBinary(), swc, ...folders, '-d', 'dist', '--ignore', '**/*.spec.ts']);
  writeFileSync(BUILD_STAMP, sources);
}

function hashSources() {
  const hash = createHash('sha256');
  for (const file of ['.swcrc', ...SOURCE_FOLDERS.flatMap(listSources)])
    hash.update(`${file}\0`).update(readFileSync(inRoot(file)));
  return hash.digest('hex');
}

function listSources(folder) {
  if (!existsSync(inRoot(folder))) return [];
  const entries = readdirSync(inRoot(folder), { withFileTypes: true });
  // Node 20 has the order of names from the file system, which may differ from run to run.
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  return entries.flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return listSources(path);
    return /\.(ts|mjs)$/.test(path) && !path.endsWith('.spec.ts') ? [path] : [];
  });
}

/** Node 24 as npm installed it, or the running Node where that is new enough. */
export function nodeBinary() {
  const name = process.platform === 'win32' ? 'node.exe' : 'node';
  const installed = inRoot('node_modules', 'node', 'bin', name);
  if (existsSync(installed)) return installed;
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1]))
    return process.execPath;
  throw new Error(
    `Node ${process.versions.node} is too old and the package "node" is not installed. ` +
      `Run \`npm ci\` without omitting development dependencies, or use Node ${OLDEST_NODE.join('.')} or newer.`,
  );
}

/** One Ctrl-C may arrive twice: from the terminal and from npm, which passes on what it gets itself. */
const SAME_SIGNAL_WITHIN_MS = 300;

/**
 * Runs a program on `nodeBinary()` with this terminal and returns its exit code (128 + n where signal n ended it).
 * The program has a process group of its own, so that it gets each signal once: from here, whether it was meant for
 * this process or for the whole group.
 */
export async function runNode(arguments_, env = {}) {
  const node = nodeBinary();
  const child = spawn(node, ['--enable-source-maps', ...arguments_], {
    cwd: root,
    stdio: 'inherit',
    detached: process.platform !== 'win32',
    env: { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ''}`, ...env },
  });
  const stopPassing = ['SIGINT', 'SIGTERM', 'SIGHUP'].map((signal) => passOn(signal, child));
  try {
    return await exitCodeOf(child);
  } finally {
    for (const stop of stopPassing) stop();
  }
}

function passOn(signal, child) {
  let lastMs = Number.NEGATIVE_INFINITY;
  const pass = () => {
    const nowMs = performance.now();
    if (nowMs - lastMs > SAME_SIGNAL_WITHIN_MS) child.kill(signal);
    lastMs = nowMs;
  };
  process.on(signal, pass);
  return () => process.off(signal, pass);
}

async function quietly(name, [command, ...arguments_], options = {}) {
  const child = spawn(command, arguments_, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], ...options });
  const output = [];
  child.stdout.on('data', (chunk) => output.push(chunk));
  child.stderr.on('data', (chunk) => output.push(chunk));
  const code = await exitCodeOf(child);
  if (code === 0) return;
  process.stderr.write(Buffer.concat(output));
  throw new Error(`${name} failed with exit code ${code}; its output is above`);
}

function exitCodeOf(child) {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code ?? 128 + (constants.signals[signal] ?? 0)));
  });
}

function say(line) {
  process.stderr.write(`${line}\n`);
}

/** Ends the process with the code of `main`; a failure is one line, not a stack trace. */
export async function exitWith(main) {
  try {
    process.exitCode = await main();
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  }
}
