import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { variantDirectory } from '#model-store';
import { SHAPE_1B, ensureVariants, writeRandomVariant } from '#quantizer';
import type { SideName } from './binding/decode-side.js';
import { SideProcess, type TurnFigures } from './binding/side-process.js';
import { describeMachine } from './support/machine.js';
import { median, roundTo } from './support/median.js';

const HELP = `npm run bench:binding -- [options]
  --large       also a model of 1B shape with random weights, made under .data/bench and removed again
  --turns n     turns of each side; figures are medians over them (default: 7)
  --threads n   threads of ONNX Runtime (default: all cores)
  --json        print JSON`;

const SIDES: readonly SideName[] = ['c-api', 'onnxruntime-node'];
const BATCHES = [1, 8];
const ROWS = Math.max(...BATCHES);

interface Load {
  readonly model: string;
  readonly directory: string;
  readonly contextTokens: number;
  readonly promptTokens: number;
  readonly steps: number;
}

interface Row {
  readonly model: string;
  readonly batch: number;
  readonly side: SideName;
  readonly cpuMsPerStep: number;
  readonly wallMsPerStep: number;
  readonly residentMiB: number;
  /** Of this side's CPU time to that of the C API. */
  readonly cpuRatio: number;
}

async function measureLoad(load: Load, turns: number, threads: number): Promise<Row[]> {
  const { contextTokens, promptTokens, steps } = load;
  const modelPath = join(load.directory, 'model.onnx');
  const options = { modelPath, rows: ROWS, contextTokens, promptTokens, threads };
  const processes = new Map<SideName, SideProcess>();
  const rows: Row[] = [];
  try {
    for (const side of SIDES) processes.set(side, await SideProcess.start(side, options));
    for (const batch of BATCHES) {
      const taken = await takeTurns(processes, { rows: batch, steps }, turns);
      process.stderr.write(`${load.model}: batch ${batch} measured\n`);
      rows.push(...SIDES.map((side) => toRow(load.model, batch, side, taken)));
    }
  } finally {
    for (const side of processes.values()) await side.stop();
  }
  return rows;
}

/** A B A B, so that a disturbance of the machine hits both. The first turn of each warms up and is not counted. */
async function takeTurns(
  processes: ReadonlyMap<SideName, SideProcess>,
  turn: { readonly rows: number; readonly steps: number },
  turns: number,
): Promise<ReadonlyMap<SideName, TurnFigures[]>> {
  const taken = new Map<SideName, TurnFigures[]>(SIDES.map((side) => [side, []]));
  for (let index = 0; index <= turns; index += 1) {
    for (const [side, running] of processes) {
      const figures = await running.measure(turn);
      if (index > 0) taken.get(side)?.push(figures);
    }
  }
  return taken;
}

function toRow(
  model: string,
  batch: number,
  side: SideName,
  taken: ReadonlyMap<SideName, readonly TurnFigures[]>,
): Row {
  const of = (name: SideName, pick: (figures: TurnFigures) => number) =>
    median((taken.get(name) ?? []).map(pick));
  const cpuMs = of(side, (figures) => figures.cpuMs);
  return {
    model,
    batch,
    side,
    cpuMsPerStep: roundTo(3, cpuMs),
    wallMsPerStep: roundTo(
      3,
      of(side, (figures) => figures.wallMs),
    ),
    residentMiB: Math.round(of(side, (figures) => figures.residentMiB)),
    cpuRatio: roundTo(3, cpuMs / of('c-api', (figures) => figures.cpuMs)),
  };
}

async function measureDefault(turns: number, threads: number): Promise<Row[]> {
  const model = 'drover-tiny';
  await ensureVariants({ modelsDir: 'models', dataDir: '.data', model, variants: ['6_5'] });
  const directory = variantDirectory('.data', model, '6_5');
  const load = { model: `${model}:6_5`, directory, contextTokens: 1024, promptTokens: 128, steps: 50 };
  return measureLoad(load, turns, threads);
}

async function measureLarge(turns: number, threads: number): Promise<Row[]> {
  const directory = join('.data', 'bench', 'binding-1b-random');
  await writeRandomVariant({ shape: SHAPE_1B, bits: 4, directory, seed: 1 });
  try {
    const load = { model: '1b-random:4', directory, contextTokens: 1024, promptTokens: 128, steps: 3 };
    return await measureLoad(load, turns, threads);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      large: { type: 'boolean', default: false },
      turns: { type: 'string', default: '7' },
      threads: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return;
  }
  const machine = describeMachine();
  const threads = values.threads === undefined ? machine.cores : Number(values.threads);
  const turns = Number(values.turns);
  const rows = await measureDefault(turns, threads);
  if (values.large) rows.push(...(await measureLarge(turns, threads)));
  if (values.json) console.log(JSON.stringify({ machine: { ...machine, threads }, rows }, null, 2));
  else console.table(rows);
}

await main();
