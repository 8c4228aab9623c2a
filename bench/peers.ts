import { readFile, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { drawChart } from './peers/chart.js';
import { installPeers } from './peers/install-peers.js';
import { toMarkdown } from './peers/markdown.js';
import { SYSTEMS } from './peers/measured-system.js';
import { SHAPES, type Bits } from './peers/peer-models.js';
import { runPeers, type PeersOptions } from './peers/run-peers.js';
import { joinReports, type PeersReport } from './peers/report.js';

const HELP = `npm run bench:peers -- [options]
  --shapes list      of default, 1b, 8b (default: default,1b)
  --large            also 8b; it takes 12 GB of disk and of memory
  --bits list        of 4, 8 (default: 4)
  --kv list          of f32, int8: our key-value cache; int8 beside llama.cpp's Q8_0 (default: f32)
  --sequences list   at once (default: 1,4,8,16)
  --prompts list     tokens (default: 128,1024)
  --context n        tokens in the context of one more case of one sequence; 0 for none (default: 3500)
  --systems list     of ours, node-llama-cpp, transformers.js (default: all)
  --turns n          figures are medians over them (default: 3)
  --threads n        of each system (default: all cores)
  --case-limit n     seconds that a system may take for one case (default: 300)
  --json             print JSON
  --markdown         print tables of Markdown
  --svg file         draw decode speed by sequences, 1B shape, 4 bits
  --from list        measure nothing; print and draw what --json printed before into these files
  --keep             keep the generated models under .data/bench/peers

Ours, node-llama-cpp and transformers.js run the same weights in turns A B C A B C, each in a process of its own. The two
peers are installed from the npm registry on first use, under .data/peers. Interrupted, it ends after the case in progress
and prints what was measured until then.`;

const OPTIONS = {
  shapes: { type: 'string', default: 'default,1b' },
  large: { type: 'boolean', default: false },
  bits: { type: 'string', default: '4' },
  kv: { type: 'string', default: 'f32' },
  sequences: { type: 'string', default: '1,4,8,16' },
  prompts: { type: 'string', default: '128,1024' },
  context: { type: 'string', default: '3500' },
  systems: { type: 'string', default: SYSTEMS.join(',') },
  turns: { type: 'string', default: '3' },
  threads: { type: 'string', default: String(availableParallelism()) },
  'case-limit': { type: 'string', default: '300' },
  json: { type: 'boolean', default: false },
  markdown: { type: 'boolean', default: false },
  svg: { type: 'string' },
  from: { type: 'string' },
  keep: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

async function main(): Promise<void> {
  const { values } = parseArgs({ options: OPTIONS });
  if (values.help) {
    console.log(HELP);
    return;
  }
  const report =
    values.from === undefined ? await measure(values) : await readReports(values.from.split(','));
  if (values.svg !== undefined) await writeFile(values.svg, drawChart(report));
  if (values.json) console.log(JSON.stringify(report, null, 2));
  else if (values.markdown) console.log(toMarkdown(report));
  else {
    console.log(report.machine);
    console.table(report.rows);
    console.table(report.ratios);
  }
}

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'];

async function measure(values: Values): Promise<PeersReport> {
  const options = toOptions(values);
  if (options.systems.some((system) => system !== 'ours')) await installPeers();
  return runPeers(options);
}

function toOptions(values: Values): PeersOptions {
  const shapes = listOf('shapes', values.shapes, SHAPES);
  return {
    shapes: values.large && !shapes.includes('8b') ? [...shapes, '8b'] : shapes,
    bits: listOf('bits', values.bits, ['4', '8']).map((bits): Bits => (bits === '4' ? 4 : 8)),
    kvCaches: listOf('kv', values.kv, ['f32', 'int8']),
    systems: SYSTEMS.filter((system) => listOf('systems', values.systems, SYSTEMS).includes(system)),
    cases: {
      sequences: values.sequences.split(',').map((text) => wholeNumber('sequences', text, 1)),
      prompts: values.prompts.split(',').map((text) => wholeNumber('prompts', text, 2)),
      longContext: wholeNumber('context', values.context, 0),
    },
    turns: wholeNumber('turns', values.turns, 1),
    threads: wholeNumber('threads', values.threads, 1),
    caseLimitMs: wholeNumber('case-limit', values['case-limit'], 1) * 1000,
    keep: values.keep,
    signal: interrupted(),
    say: (line) => process.stderr.write(`[${Math.round(performance.now() / 1000)} s] ${line}\n`),
  };
}

function interrupted(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => controller.abort());
  return controller.signal;
}

async function readReports(paths: readonly string[]): Promise<PeersReport> {
  const reports = await Promise.all(
    paths.map(async (path): Promise<PeersReport> => JSON.parse(await readFile(path, 'utf8'))),
  );
  return joinReports(reports);
}

function listOf<Choice extends string>(option: string, text: string, choices: readonly Choice[]): Choice[] {
  return text.split(',').map((word) => {
    const choice = choices.find((candidate) => candidate === word);
    if (choice !== undefined) return choice;
    throw new Error(`--${option} ${text}: ${word} is none of ${choices.join(', ')}.\n${HELP}`);
  });
}

function wholeNumber(option: string, text: string, least: number): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new Error(`--${option} ${text}: must be a whole number of ${least} or more.\n${HELP}`);
}

await main();
