import { Command, InvalidArgumentError, Option } from 'commander';
import { VARIANT_DEVICES } from '#contracts';
import type { ConnectOptions, SubmitOptions } from './commands/jobs.js';
import type { QuantizeOptions } from './commands/quantize.js';
import type { Terminal } from './output/terminal.js';

/** Options that stand for an environment variable, which this process and its children then see. */
interface SystemOptions {
  readonly variants?: string;
  readonly device?: string;
  readonly model?: string;
  readonly port?: string;
}

const VARIANTS_HELP = 'variants to serve, such as 8_0,6_5, on GPUs 8_0-gpu,6_5-gpu (DROVER_VARIANTS)';
const DEVICE_HELP = 'cpu, webgpu[:n], cuda[:n] or auto (DROVER_DEVICE)';

/** The `drover` command. Its parts are loaded when they run, so that `--help` costs nothing. */
export function buildCommandLine(terminal: Terminal): Command {
  const program = new Command('drover')
    .description(
      'Job-queue inference for LLaMA-family models. Settings are environment variables; see README.',
    )
    .showHelpAfterError();

  program
    .command('up')
    .description(
      'start Redis, the API and one worker for each variant; Ctrl-C drains and stops them (npm start)',
    )
    .option('--variants <list>', VARIANTS_HELP)
    .option('--device <device>', DEVICE_HELP)
    .option('--model <name>', 'model to serve (DROVER_MODEL)')
    .option('--port <port>', 'port of the API, 0 for a free one (DROVER_API_PORT)')
    .action(async (options: SystemOptions) => {
      setEnvironment(options);
      const { up } = await import('./commands/up.js');
      process.exitCode = await up(terminal);
    });

  program
    .command('demo')
    .description(
      'start the system on free ports, show a stream, a signed webhook and every variant, and stop',
    )
    .option('--variants <list>', VARIANTS_HELP)
    .option('--device <device>', DEVICE_HELP)
    .action(async (options: SystemOptions) => {
      setEnvironment(options);
      const { demo } = await import('./commands/demo.js');
      process.exitCode = await demo(terminal);
    });

  program
    .command('worker')
    .description('build the variant of DROVER_MODEL and DROVER_VARIANT where it is missing, then serve it')
    .action(async () => {
      const { worker } = await import('./commands/worker.js');
      process.exitCode = await worker();
    });

  program
    .command('quantize')
    .description('build variants of a Hugging Face Llama checkpoint')
    .argument('<checkpoint>', 'folder with config.json, *.safetensors and tokenizer files')
    .option('--bits <list>', 'target bits per weight, 4 to 8, or 32', parseBits, [8, 6.5, 5])
    .addOption(
      new Option('--kv <type>', 'key-value cache: int8 takes a quarter of the memory, variants end in -kv8')
        .choices(['f32', 'int8'])
        .default('f32'),
    )
    .addOption(
      new Option('--device <kind>', 'what it is for: gpu keeps the cache in blocks, variants end in -gpu')
        .choices(VARIANT_DEVICES)
        .default('cpu'),
    )
    .option('--output <folder>', 'where the variants go (default: the data folder)')
    .option('--model <name>', "the model's name (default: the folder's name)")
    .action(async (checkpoint: string, options: QuantizeOptions) => {
      const { quantize } = await import('./commands/quantize.js');
      process.exitCode = await quantize(checkpoint, options, terminal);
    });

  withConnection(program.command('submit'))
    .description('submit a question to a running API and print the id of its job')
    .argument('<question>', 'what the user says')
    .option('--model <name>', '`name` or `name:variant`')
    .option('--variant <variant>', 'such as 6_5; default: the best one with the shortest queue')
    .option('--max-tokens <n>', 'most tokens to generate', parseNumber)
    .option('--temperature <t>', '0 is greedy', parseNumber)
    .option('--seed <n>', 'same seed, same text', parseNumber)
    .option('--n <n>', 'texts to answer with', parseNumber)
    .option('--schema <file>', 'JSON Schema that the answer follows')
    .option('--webhook <url>', 'where to send the result')
    .option('--idempotency-key <key>', 'the same key and job again give the job of the first time')
    .option('--stream', 'print the text as it comes')
    .option('--wait', 'print the text when it is complete')
    .action(async (question: string, options: SubmitOptions) => {
      const { submit } = await import('./commands/jobs.js');
      process.exitCode = await submit(question, options, terminal);
    });

  withConnection(program.command('watch'))
    .description('print the text of a job from its start, as it comes; goes on where the API comes back')
    .argument('<id>', 'id of the job')
    .action(async (id: string, options: ConnectOptions) => {
      const { watch } = await import('./commands/jobs.js');
      process.exitCode = await watch(id, options, terminal);
    });

  withConnection(program.command('cancel'))
    .description('cancel a queued or running job; the text so far is kept')
    .argument('<id>', 'id of the job')
    .action(async (id: string, options: ConnectOptions) => {
      const { cancel } = await import('./commands/jobs.js');
      process.exitCode = await cancel(id, options, terminal);
    });

  withConnection(program.command('retry'))
    .description('run a job again that failed, expired or was cancelled, under the same id')
    .argument('<id>', 'id of the job')
    .action(async (id: string, options: ConnectOptions) => {
      const { retry } = await import('./commands/jobs.js');
      process.exitCode = await retry(id, options, terminal);
    });

  return program;
}

function withConnection(command: Command): Command {
  return command
    .option('--url <url>', 'the API (default: http://127.0.0.1 and DROVER_API_PORT)')
    .option('--key <key>', 'API key (default: the first of DROVER_API_KEYS)');
}

function setEnvironment({ variants, device, model, port }: SystemOptions): void {
  const chosen = {
    DROVER_VARIANTS: variants,
    DROVER_DEVICE: device,
    DROVER_MODEL: model,
    DROVER_API_PORT: port,
  };
  for (const [name, value] of Object.entries(chosen)) {
    if (value !== undefined) process.env[name] = value;
  }
}

function parseNumber(text: string): number {
  const number = Number(text);
  if (text.trim() === '' || !Number.isFinite(number)) throw new InvalidArgumentError('It is no number.');
  return number;
}

function parseBits(text: string): number[] {
  return text.split(',').map(parseNumber);
}
