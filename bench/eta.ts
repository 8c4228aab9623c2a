import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { loadLauncherSettings } from '#config';
import { ensureVariants } from '#quantizer';
import { watchInterrupts, type Interrupts } from '../apps/cli/src/supervision/interrupts.js';
import { calibrationOf } from './eta/calibration.js';
import { SLOTS, startEtaSystem, VARIANT, type EtaSystem } from './eta/eta-system.js';
import { recordTrace } from './eta/record-trace.js';
import { replay } from './eta/replay.js';
import { readTrace, writeTrace } from './eta/trace.js';
import { describeMachine } from './support/machine.js';

// The build copies no data: the trace is read from the sources.
const TRACE = fileURLToPath(new URL('../../bench/eta/trace.jsonl', import.meta.url));
const ENDS_WITHIN_MS = 180_000;

const HELP = `npm run bench:eta -- [options]
  --trace file    arrivals to replay (default: bench/eta/trace.jsonl, whose first line says how it was recorded)
  --speed x       replay it x times as fast (default: 1); below 1 where this machine cannot keep up: what waits when
                  the trace ends was told that arrivals would go on
  --record file   record a new trace instead
  --json          print JSON

Replays arrivals against a Redis, an API and a worker (${VARIANT}, ${SLOTS} slots) of its own, asks every half second
what the waiting jobs are told (\`queue.eta_s\`), and compares it with when they started.`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      trace: { type: 'string', default: TRACE },
      speed: { type: 'string', default: '1' },
      record: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return;
  }
  const speed = Number(values.speed);
  if (!(speed > 0)) throw new Error(`--speed ${values.speed}: must be a number above 0.\n${HELP}`);
  const interrupts = watchInterrupts();
  await buildVariant(interrupts);
  const system = await startEtaSystem(interrupts, say);
  try {
    const signal = AbortSignal.any([interrupts.drain, AbortSignal.timeout(ENDS_WITHIN_MS)]);
    if (values.record === undefined) await measure(system, values.trace, speed, values.json, signal);
    else await writeTrace(values.record, await recordTrace(system, signal));
  } finally {
    await system.close();
  }
}

async function measure(
  system: EtaSystem,
  tracePath: string,
  speed: number,
  asJson: boolean,
  signal: AbortSignal,
): Promise<void> {
  const trace = await readTrace(tracePath);
  say(`Replaying ${trace.arrivals.length} arrivals`);
  const { predictions, ...facts } = await replay(system, trace, speed, signal);
  const figures = { ...facts, ...calibrationOf(predictions) };
  const byPriority = Object.fromEntries(
    [...Map.groupBy(predictions, ({ priority }) => priority)].map(([priority, some]) => [
      priority,
      calibrationOf(some),
    ]),
  );
  const report = {
    machine: describeMachine(),
    trace: trace.recorded,
    slots: SLOTS,
    speed,
    ...figures,
    byPriority,
  };
  if (asJson) console.log(JSON.stringify(report, null, 2));
  else {
    console.table(figures);
    console.table(byPriority);
  }
}

async function buildVariant({ drain: signal }: Interrupts): Promise<void> {
  const {
    DROVER_MODELS_DIR: modelsDir,
    DROVER_DATA_DIR: dataDir,
    DROVER_MODEL: model,
  } = loadLauncherSettings();
  await ensureVariants({ modelsDir, dataDir, model, variants: [VARIANT], signal });
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

await main();
