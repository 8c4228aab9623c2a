#!/usr/bin/env node
// The `drover` command: installs and builds what is missing, then runs it on Node 24.
//   node scripts/drover.mjs up                        the command line of apps/cli
//   node scripts/drover.mjs run bench/x.ts --json     any built program of this repository
import { ensureReady, exitWith, runNode } from './bootstrap.mjs';

const CLI = 'dist/apps/cli/src/main.js';

await exitWith(async () => {
  const [command, program, ...rest] = process.argv.slice(2);
  await ensureReady();
  if (command !== 'run') return runNode([CLI, ...process.argv.slice(2)]);
  if (program === undefined) throw new Error('Usage: node scripts/drover.mjs run <file.ts> [arguments]');
  return runNode([`dist/${program.replace(/\.ts$/, '.js')}`, ...rest]);
});
