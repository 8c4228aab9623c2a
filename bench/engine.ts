import { parseArgs } from 'node:util';
import { describeMachine } from './support/machine.js';
import { measureEngine, type EngineFigures } from './support/measure-engine.js';
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

const SEQUENCES = [1, 4, 8, 16];

interface Row {
  readonly shape: ShapeName;
  /** Per weight, over the decoder's linear layers. */
  readonly bits: number;
  readonly sequences: number;
  readonly promptTokens: number;
  readonly decodeTokensPerS: number;
  readonly prefillTokensPerS: number;
  readonly decodeCpuMsPerToken: number;
  readonly prefillCpuMsPerToken: number;
  readonly stepOverheadMs: number;
}

/** Batches take turns, so that a disturbance of the machine does not hit one of them alone. */
async function measureShape(shape: BenchShape, turns: number): Promise<Row[]> {
  const figures = new Map(SEQUENCES.map((sequences) => [sequences, [] as EngineFigures[]]));
  const { promptTokens, decodeSteps } = shape;
  await measureEngine(shape.runner, { sequences: 2, promptTokens, decodeSteps: 4 }, shape.createDecoder);
  for (let turn = 0; turn < turns; turn += 1) {
    for (const [sequences, taken] of figures) {
      const load = { sequences, promptTokens, decodeSteps };
      taken.push(await measureEngine(shape.runner, load, shape.createDecoder));
      process.stderr.write(
        `${shape.name} ${shape.bitsPerWeight.toFixed(2)} bits: turn ${turn + 1}/${turns}, ${sequences} sequences\n`,
      );
    }
  }
  return [...figures].map(([sequences, taken]) => toRow(shape, sequences, taken));
}

function toRow(shape: BenchShape, sequences: number, taken: readonly EngineFigures[]): Row {
  const of = (pick: (figures: EngineFigures) => number) => roundTo(3, median(taken.map(pick)));
  return {
    shape: shape.name,
    bits: roundTo(4, shape.bitsPerWeight),
    sequences,
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
  const runnerOptions = { slots: Math.max(...SEQUENCES), threads };
  for (const open of shapesOf(values.shape, values.variants.split(','), values.keep)) {
    const shape = await open(runnerOptions);
    try {
      rows.push(...(await measureShape(shape, Number(values.turns))));
    } finally {
      await shape.close();
    }
  }
  if (values.json) console.log(JSON.stringify({ machine: { ...machine, threads }, rows }, null, 2));
  else console.table(rows);
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
