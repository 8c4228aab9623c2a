// `npm test`: every test of the repository. The last line is `N passed, N failed`.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureReady, exitWith, runNode } from './bootstrap.mjs';

const MAX_SKIPPED_LINES = 40;

await exitWith(async () => {
  await ensureReady();
  const folder = mkdtempSync(join(tmpdir(), 'drover-test-'));
  const summaryFile = join(folder, 'summary.json');
  try {
    const reporters = ['--reporter=default', '--reporter=./scripts/summary-reporter.mjs'];
    const code = await runNode(
      ['node_modules/vitest/vitest.mjs', 'run', ...reporters, ...process.argv.slice(2)],
      { DROVER_TEST_SUMMARY_FILE: summaryFile },
    );
    return report(readSummary(summaryFile), code);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

function report({ passed, failed, skipped }, code) {
  if (skipped.length > 0) console.log(`${skipped.length} skipped:`);
  for (const line of skipped.slice(0, MAX_SKIPPED_LINES)) console.log(`  ${line}`);
  if (skipped.length > MAX_SKIPPED_LINES) console.log(`  … and ${skipped.length - MAX_SKIPPED_LINES} more`);
  if (passed + failed === 0) console.log('No test ran.');
  console.log(`${passed} passed, ${failed} failed`);
  return failed > 0 || passed === 0 ? Math.max(code, 1) : code;
}

/** Where the run ended before it could report, that is its one failure. */
function readSummary(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return { passed: 0, failed: 1, skipped: [] };
  }
}
