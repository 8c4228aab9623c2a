import { readFile } from 'node:fs/promises';
import { loadApiSettings, loadLauncherSettings } from '#config';
import type { JobView } from '#contracts';
import { DroverClient } from '../client/drover-client.js';
import { followJob } from '../client/follow-job.js';
import { textsOf } from '../client/job-text.js';
import type { Terminal } from '../output/terminal.js';
import { LOOPBACK } from '../system/ports.js';

export interface ConnectOptions {
  readonly url?: string;
  readonly key?: string;
}

export interface SubmitOptions extends ConnectOptions {
  readonly model?: string;
  readonly variant?: string;
  readonly maxTokens?: number;
  readonly temperature?: number;
  readonly seed?: number;
  readonly n?: number;
  /** File of a JSON Schema. */
  readonly schema?: string;
  readonly webhook?: string;
  readonly idempotencyKey?: string;
  readonly stream?: boolean;
  readonly wait?: boolean;
}

/** `drover submit`: prints the job's id, or its text as it comes, or its end. */
export async function submit(question: string, options: SubmitOptions, terminal: Terminal): Promise<number> {
  const { model = loadLauncherSettings().DROVER_MODEL, variant, maxTokens, temperature, seed, n } = options;
  const client = connect(options);
  const input = {
    messages: [{ role: 'user', content: question }],
    max_tokens: maxTokens,
    temperature,
    seed,
    n,
    response_format: options.schema && (await readSchema(options.schema)),
  };
  const request = { model, variant, input, webhook: options.webhook };
  const job = await client.submit(request, undefined, options.idempotencyKey);
  if (options.stream === true) return follow(client, job.id, terminal);
  if (options.wait !== true) {
    terminal.line(job.id);
    return 0;
  }
  let finished = job;
  while (finished.finished_at === null) finished = await client.job(job.id, 30);
  for (const text of textsOf(finished)) terminal.line(text);
  return exitCodeOf(finished);
}

/** `drover watch`: the text of a job from its start, as it comes. */
export function watch(id: string, options: ConnectOptions, terminal: Terminal): Promise<number> {
  return follow(connect(options), id, terminal);
}

/** `drover cancel`: the text so far is kept with the job. */
export async function cancel(id: string, options: ConnectOptions, terminal: Terminal): Promise<number> {
  const job = await connect(options).cancel(id);
  terminal.line(`${job.id} ${job.status === 'running' ? 'is being cancelled' : job.status}`);
  return 0;
}

/** `drover retry`: runs an ended job once more, under its id. */
export async function retry(id: string, options: ConnectOptions, terminal: Terminal): Promise<number> {
  const job = await connect(options).retry(id);
  terminal.line(`${job.id} ${job.status}`);
  return 0;
}

async function follow(client: DroverClient, id: string, terminal: Terminal): Promise<number> {
  const onBreak = () => {
    process.stderr.write('\nThe API is away; waiting for it to come back.\n');
  };
  for await (const event of followJob(client, id, { onBreak })) {
    if (event.type === 'token' && event.index === 0) terminal.write(event.text);
    if (event.type === 'done') {
      terminal.line();
      // Texts beside the first would run into it.
      for (const text of textsOf(event.job).slice(1)) terminal.line(text);
      if (event.job.error !== null) process.stderr.write(`${event.job.status}: ${event.job.error.message}\n`);
      return exitCodeOf(event.job);
    }
  }
  throw new Error('A followed job always ends in a done event. This is a bug.');
}

async function readSchema(file: string) {
  const schema: unknown = JSON.parse(await readFile(file, 'utf8'));
  return { type: 'json_schema', json_schema: { name: 'answer', schema } };
}

function connect({ url, key }: ConnectOptions): DroverClient {
  const settings = loadApiSettings();
  return new DroverClient({
    baseUrl: url ?? `http://${LOOPBACK}:${settings.DROVER_API_PORT}`,
    apiKey: key ?? settings.DROVER_API_KEYS[0],
  });
}

function exitCodeOf(job: JobView): number {
  return job.status === 'succeeded' ? 0 : 1;
}
