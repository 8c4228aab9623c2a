import { parseArgs } from 'node:util';
import { loadLauncherSettings } from '#config';
import { ensureVariants } from '#quantizer';
import { watchInterrupts } from '../apps/cli/src/supervision/interrupts.js';
import { BACKLOG_VARIANT, SERVED_VARIANT } from './queue/bench-system.js';
import { openEngineReference } from './queue/engine-reference.js';
import { measureLevel, type LevelFigures } from './queue/measure-level.js';
import { printTable, reportOf } from './queue/report.js';
import { describeMachine } from './support/machine.js';

const HELP = `npm run bench:queue -- [options]
  --waiting 0,10000,100000   jobs that wait while it measures, one system each (default: 0,10000,100000)
  --samples n                measurements of each latency (default: 300)
  --json                     print JSON

Real: redis-server with an append-only file, the API's process, the worker's process with the default model
(variant ${SERVED_VARIANT}), HTTP, webhooks. Jobs wait for variant ${BACKLOG_VARIANT}, which nobody serves: a queue with jobs in it
has no idle worker, so a first token from an idle worker is measured beside it. "Overtaking" is measured
in it: a job of priority 1, while a worker is busy with the others. That worker, and the one of "jobs/s", is
the worker's own program with a model that takes no time.`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      waiting: { type: 'string', default: '0,10000,100000' },
      samples: { type: 'string', default: '300' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return;
  }
  const counts = values.waiting.split(',').map((text) => wholeNumber('waiting', text, 0));
  const samples = wholeNumber('samples', values.samples, 1);
  const interrupts = watchInterrupts();
  await buildVariants(interrupts.drain);
  const engine = await openEngineReference(SERVED_VARIANT);
  const levels: LevelFigures[] = [];
  try {
    for (const waiting of counts) {
      levels.push(await measureLevel(waiting, { engine, samples, interrupts, say }));
    }
  } finally {
    await engine.close();
  }
  if (values.json) {
    console.log(
      JSON.stringify({ machine: describeMachine(), samples, levels, report: reportOf(levels) }, null, 2),
    );
  } else printTable(levels);
}

async function buildVariants(signal: AbortSignal): Promise<void> {
  const {
    DROVER_MODELS_DIR: modelsDir,
    DROVER_DATA_DIR: dataDir,
    DROVER_MODEL: model,
  } = loadLauncherSettings();
  await ensureVariants({ modelsDir, dataDir, model, variants: [SERVED_VARIANT, BACKLOG_VARIANT], signal });
}

function wholeNumber(option: string, text: string, min: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= min) return value;
  throw new Error(`--${option} ${text}: must be whole numbers of ${min} or more.\n${HELP}`);
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

await main();
