import { parseArgs } from 'node:util';
import { FORCED_EXIT_CODE, watchInterrupts } from '../apps/cli/src/supervision/interrupts.js';
import { ChaosSystem } from './chaos/chaos-system.js';
import { RecoveryWatch } from './chaos/recovery-watch.js';
import { reportOf, type ChaosFinding, type ChaosReport } from './chaos/report.js';
import { runChaos } from './chaos/run-chaos.js';

const HELP = `npm run chaos -- [options]
  --kills n   faults (default: 200)
  --seed n    which faults and which jobs (default: 7)
  --json      print JSON
  --keep      keep the processes' logs

A real redis-server with an append-only file, a real API process and three real workers of the default model, under a
steady stream of jobs from 32 clients. Workers are killed, frozen and cut off from Redis, the API and Redis are killed
and started again. The clients do what clients should: they submit with an Idempotency-Key, come back to streams with
Last-Event-ID, cancel now and then, and verify webhooks.

Exits with 1, and keeps the processes' logs, where a job was lost, doubled, stuck or other than undisturbed, or a
webhook event is missing or unknown.`;

const SHOWN_FINDINGS = 40;

function violations(report: ChaosReport): number {
  const { lost, doubled, stuck, differing, webhooksMissing, webhooksUnknown } = report;
  return lost + doubled + stuck + differing + webhooksMissing + webhooksUnknown;
}

function say(line: string): void {
  process.stderr.write(`[${Math.round(performance.now() / 1_000)} s] ${line}\n`);
}

function tell(findings: readonly ChaosFinding[], logs: string): void {
  for (const { kind, jobId, why } of findings.slice(0, SHOWN_FINDINGS)) say(`${kind} ${jobId}: ${why}`);
  if (findings.length > SHOWN_FINDINGS) say(`and ${findings.length - SHOWN_FINDINGS} more`);
  say(`the logs are kept in ${logs}`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      kills: { type: 'string', default: '200' },
      seed: { type: 'string', default: '7' },
      json: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return;
  }
  const [kills, seed] = [wholeNumber('kills', values.kills), wholeNumber('seed', values.seed)];
  const interrupts = watchInterrupts();
  const recoveries = new RecoveryWatch();
  const system = await ChaosSystem.start((worker, line) => recoveries.readLine(worker, line));
  process.on('exit', () => system.killNow());
  interrupts.force.addEventListener('abort', () => process.exit(FORCED_EXIT_CODE));
  let keepLogs = true;
  try {
    const facts = await runChaos({ system, recoveries, seed, kills, say, signal: interrupts.drain });
    const { report, findings } = reportOf(facts);
    if (values.json) console.log(JSON.stringify({ seed, kills, ...report }, null, 2));
    else console.dir({ seed, kills, ...report }, { depth: null });
    const failed = violations(report) > 0;
    keepLogs = failed || values.keep;
    if (keepLogs) tell(findings, system.logs);
    if (failed) process.exitCode = 1;
  } catch (error) {
    keepLogs = !interrupts.drain.aborted;
    if (!keepLogs) {
      process.exitCode = FORCED_EXIT_CODE;
      return;
    }
    say(`the run broke off; the logs are kept in ${system.logs}`);
    throw error;
  } finally {
    await system.close();
    if (!keepLogs) await system.removeFiles();
  }
}

function wholeNumber(option: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error(`--${option} ${text}: must be a whole number.\n${HELP}`);
}

await main();
