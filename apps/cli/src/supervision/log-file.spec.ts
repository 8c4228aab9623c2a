import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { LogFile } from './log-file.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'drover-log-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const read = (name: string) => readFileSync(join(folder, name), 'utf8');

it('each start begins a new file and keeps the last one', () => {
  for (const line of ['first run', 'second run', 'third run']) {
    const log = new LogFile(join(folder, 'logs', 'api.log'));
    log.write(Buffer.from(line));
    log.close();
  }
  expect(read('logs/api.log')).toBe('third run');
  expect(read('logs/api.log.1')).toBe('second run');
});

it('a process that never stops talking fills two files, and the newest words are kept', () => {
  const log = new LogFile(join(folder, 'api.log'), 100);
  for (let i = 0; i < 1_000; i++) log.write(Buffer.from(`line ${i}\n`));
  log.close();
  expect(readdirSync(folder).toSorted((a, b) => a.localeCompare(b))).toEqual(['api.log', 'api.log.1']);
  expect(read('api.log').length).toBeLessThanOrEqual(100);
  expect(read('api.log')).toContain('line 999');
});
