import { SettingsError } from '#config';
import { buildCommandLine } from './command-line.js';
import { Terminal } from './output/terminal.js';

try {
  await buildCommandLine(new Terminal()).parseAsync();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof SettingsError ? 78 : 1;
}
