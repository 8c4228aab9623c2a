import { parseArgs } from 'node:util';
import { bitsPerWeightOf, variantNameOf } from '#contracts';
import { describeBenchDevice } from './engine/bench-device.js';
import { measureReuse, PREFIX_REQUESTS, type PrefixRow, type SpeculationRow } from './engine/reuse-rows.js';
import { measureSteps, type Load, type StepRow } from './engine/step-rows.js';
import { describeMachine } from './support/machine.js';
import { open1bShape, openDefaultShape, type BenchRunnerOptions, type BenchShape } from './support/shapes.js';

const HELP = `npm run bench:engine -- [options]
  --shape default|1b|all   default model, generated 1B-shaped model with random weights, or both (default: all)
  --variants 8_0,6_5,5_0   variants of the default model (default: 6_5); on a GPU those made for it
  --device cpu             or webgpu[:n], cuda[:n]; prefix cache and drafts are measured on the CPU only
  --bandwidth n            GB/s of the device's memory, for the share of it that reading weights takes
  --sequences 1,4          sequences that decode together (default: 1,4,8,16; on a GPU 1,16,64,256)
  --prompt n               tokens of a prompt (default: 256, 1B 128)
  --steps n                decode steps of a turn (default: 200, 1B 16)
  --turns n                turns; figures are medians over them (default: 3)
  --threads n              threads of ONNX Runtime on the CPU (default: all cores)
  --json                   print JSON
  --keep                   keep the generated model under .data/bench`;

const SEQUENCES = { cpu: '1,4,8,16', gpu: '1,16,64,256' };

function parseOptions() {
  return parseArgs({
    options: {
      shape: { type: 'string', default: 'all' },
      variants: { type: 'string', default: '6_5' },
      device: { type: 'string', default: 'cpu' },
      bandwidth: { type: 'string' },
      sequences: { type: 'string' },
      prompt: { type: 'string' },
      steps: { type: 'string' },
      turns: { type: 'string', default: '3' },
      threads: { type: 'string' },
      json: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  }).values;
}

type Options = ReturnType<typeof parseOptions>;

async function main(options: Options): Promise<void> {
  if (options.help) {
    console.log(HELP);
    return;
  }
  const device = await describeBenchDevice(options.device);
  const onCpu = device.device === 'cpu';
  const sequences = (options.sequences ?? SEQUENCES[onCpu ? 'cpu' : 'gpu'])
    .split(',')
    .map((text) => toCount('sequences', text));
  const machine = describeMachine();
  const threads = optionalCount('threads', options.threads) ?? machine.cores;
  const turns = toCount('turns', options.turns);
  const bandwidth = optionalCount('bandwidth', options.bandwidth);
  const measurement = {
    loads: loadsOf(sequences),
    turns,
    device,
    bandwidthBytesPerS: bandwidth && bandwidth * 1e9,
  };
  const runnerOptions = {
    device: device.device,
    sequences: Math.max(...sequences, onCpu ? PREFIX_REQUESTS : 1),
    threads,
    promptTokens: optionalCount('prompt', options.prompt),
    decodeSteps: optionalCount('steps', options.steps),
  };
  const rows: StepRow[] = [];
  const prefix: PrefixRow[] = [];
  const speculation: SpeculationRow[] = [];
  for (const open of shapesOf(options, onCpu)) {
    const shape = await open(runnerOptions);
    try {
      rows.push(...(await measureSteps(shape, measurement)));
      if (!onCpu) continue;
      const reuse = await measureReuse(shape, turns);
      prefix.push(reuse.prefix);
      speculation.push(reuse.speculation);
    } finally {
      await shape.close();
    }
  }
  if (options.json) {
    console.log(JSON.stringify({ machine: { ...machine, threads }, rows, prefix, speculation }, null, 2));
  } else for (const table of [rows, prefix, speculation]) if (table.length > 0) console.table(table);
}

/** Deterministic requests pay where they are alone: their row runs as two. */
function loadsOf(sequences: readonly number[]): Load[] {
  const plain = sequences.map((count) => ({ sequences: count, deterministic: false }));
  return [{ sequences: 1, deterministic: true }, ...plain];
}

function optionalCount(name: string, text: string | undefined): number | undefined {
  return text === undefined ? undefined : toCount(name, text);
}

function toCount(name: string, text: string): number {
  const count = Number(text);
  if (Number.isSafeInteger(count) && count >= 1) return count;
  throw new Error(`--${name} ${text}: must be a whole number, 1 or more.\n${HELP}`);
}

type OpenShape = (options: BenchRunnerOptions) => Promise<BenchShape>;

function shapesOf({ shape, variants, keep }: Options, onCpu: boolean): OpenShape[] {
  const ofDefault = variants.split(',').map((variant): OpenShape => {
    const fitting = onCpu ? variant : variantNameOf(bitsPerWeightOf(variant), 'f16');
    return (options) => openDefaultShape(fitting, options);
  });
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

await main(parseOptions());
