import { parseArgs } from 'node:util';
import { describeMachine } from './support/machine.js';
import { measureEngine, type EngineFigures } from './support/measure-engine.js';
import { measureReuse, type PrefixRow, type SpeculationRow } from './engine/reuse-rows.js';
import { median, roundTo } from './support/median.js';
import {
  open1bShape,
  openDefaultShape,
  type BenchRunnerOptions,
  type BenchShape,
  type ShapeName,
} from './support/shapes.js';

const HELP = `npm run bench:engine -- [options]
  --shape default|1b|all   default model, generated 1B-shaped model with random weights, or both (default: all)
  --variants 8_0,6_5,5_0   variants of the default model (default: 6_5)
  --turns n                turns; figures are medians over them (default: 3)
  --threads n              threads of ONNX Runtime (default: all cores)
  --json                   print JSON
  --keep                   keep the generated model under .data/bench`;

/** Deterministic requests pay where they are alone: their row runs as two. */
const LOADS = [
  { sequences: 1, deterministic: true },
  ...[1, 4, 8, 16].map((sequences) => ({ sequences, deterministic: false })),
];
const SLOTS = Math.max(...LOADS.map(({ sequences }) => sequences));

type Load = (typeof LOADS)[number];

interface Row {
  readonly shape: ShapeName;
  /** Per weight, over the decoder's linear layers. */
  readonly bits: number;
  readonly sequences: number;
  readonly deterministic: boolean;
  readonly promptTokens: number;
  readonly decodeTokensPerS: number;
  readonly prefillTokensPerS: number;
  readonly decodeCpuMsPerToken: number;
  readonly prefillCpuMsPerToken: number;
  readonly stepOverheadMs: number;
}

/** Batches take turns, so that a disturbance of the machine does not hit one of them alone. */
async function measureShape(shape: BenchShape, turns: number): Promise<Row[]> {
  const figures = new Map(LOADS.map((load) => [load, [] as EngineFigures[]]));
  const { promptTokens, decodeSteps } = shape;
  await measureEngine(shape.runner, { sequences: 2, promptTokens, decodeSteps: 4 }, shape.createDecoder);
  for (let turn = 0; turn < turns; turn += 1) {
    for (const [load, taken] of figures) {
      taken.push(
        await measureEngine(shape.runner, { ...load, promptTokens, decodeSteps }, shape.createDecoder),
      );
      process.stderr.write(
        `${shape.name} ${shape.bitsPerWeight.toFixed(2)} bits: turn ${turn + 1}/${turns}, ${load.sequences} sequences\n`,
      );
    }
  }
  return [...figures].map(([load, taken]) => toRow(shape, load, taken));
}

function toRow(shape: BenchShape, load: Load, taken: readonly EngineFigures[]): Row {
  const of = (pick: (figures: EngineFigures) => number) => roundTo(3, median(taken.map(pick)));
  return {
    shape: shape.name,
    bits: roundTo(4, shape.bitsPerWeight),
    ...load,
    promptTokens: shape.promptTokens,
    decodeTokensPerS: of((figures) => figures.decodeTokensPerS),
    prefillTokensPerS: of((figures) => figures.prefillTokensPerS),
    decodeCpuMsPerToken: of((figures) => figures.decodeCpuMsPerToken),
    prefillCpuMsPerToken: of((figures) => figures.prefillCpuMsPerToken),
    stepOverheadMs: of((figures) => median(figures.stepOverheadsMs)),
  };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      shape: { type: 'string', default: 'all' },
      variants: { type: 'string', default: '6_5' },
      turns: { type: 'string', default: '3' },
      threads: { type: 'string' },
      json: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return;
  }
  const machine = describeMachine();
  const threads = values.threads === undefined ? machine.cores : Number(values.threads);
  const rows: Row[] = [];
  const prefix: PrefixRow[] = [];
  const speculation: SpeculationRow[] = [];
  const runnerOptions = { slots: SLOTS, threads };
  for (const open of shapesOf(values.shape, values.variants.split(','), values.keep)) {
    const shape = await open(runnerOptions);
    try {
      const turns = Number(values.turns);
      rows.push(...(await measureShape(shape, turns)));
      const reuse = await measureReuse(shape, turns);
      prefix.push(reuse.prefix);
      speculation.push(reuse.speculation);
    } finally {
      await shape.close();
    }
  }
  if (values.json) {
    console.log(JSON.stringify({ machine: { ...machine, threads }, rows, prefix, speculation }, null, 2));
  } else for (const table of [rows, prefix, speculation]) console.table(table);
}

type OpenShape = (options: BenchRunnerOptions) => Promise<BenchShape>;

function shapesOf(shape: string, variants: readonly string[], keep: boolean): OpenShape[] {
  const ofDefault = variants.map(
    (variant): OpenShape =>
      (options) =>
        openDefaultShape(variant, options),
  );
  const of1b: OpenShape = (options) => open1bShape(keep, options);
  switch (shape) {
    case 'default':
      return ofDefault;
    case '1b':
      return [of1b];
    case 'all':
      return [...ofDefault, of1b];
    default:
      throw new Error(`--shape ${shape}: must be default, 1b or all.\n${HELP}`);
  }
}

await main();
