import { randomBytes } from 'node:crypto';
import type { JobView } from '#contracts';
import type { DroverClient } from '../client/drover-client.js';
import { textOf } from '../client/job-text.js';
import type { Terminal } from '../output/terminal.js';
import { figuresOf, sumMetric } from './figures.js';
import { startWebhookReceiver } from './webhook-receiver.js';

/** What every part of the demo works with. */
export interface Stage {
  readonly client: DroverClient;
  readonly model: string;
  readonly variants: readonly string[];
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

const WAIT_S = 60;
const BURST = [
  'What is 27 + 58?',
  'What is the capital of France?',
  'Spell the word river.',
  'Count from 1 to 30.',
];
const BURST_ROUNDS = 6;

/** A chat job whose tokens are shown as they come. */
export async function showStream(stage: Stage): Promise<void> {
  const { client, terminal, signal } = stage;
  const question = 'Count from 1 to 30.';
  terminal.heading('A chat job, token by token');
  terminal.line(`  user       ${question}`);
  const { id } = await client.submit(jobFor(stage, question), signal);
  terminal.write('  assistant  ');
  for await (const event of client.events(id, signal)) {
    if (event.type === 'token') terminal.write(event.text);
    if (event.type !== 'done') continue;
    const job = requireSuccess(event.job);
    terminal.line(`\n  ${describeSpeed(job)}`);
    return;
  }
  throw new Error(`The event stream of ${id} ended before the job did.`);
}

/** A job whose result is pushed to a receiver, which verifies the signature. */
export async function showWebhook(stage: Stage): Promise<void> {
  const { client, terminal, signal } = stage;
  const secret = `whsec_${randomBytes(32).toString('base64')}`;
  const receiver = await startWebhookReceiver(secret);
  try {
    terminal.heading('A job with a webhook');
    const webhook = { url: receiver.url, secret };
    const job = await client.submit({ ...jobFor(stage, 'What is the capital of France?'), webhook }, signal);
    const delivery = await receiver.delivery(AbortSignal.any([signal, AbortSignal.timeout(WAIT_S * 1000)]));
    if (delivery.body.data.id !== job.id) throw new Error(`A webhook of another job arrived for ${job.id}.`);
    terminal.table([
      ['received by', receiver.url],
      ['webhook-id', delivery.webhookId],
      ['webhook-signature', delivery.signature],
      ['body', `${delivery.body.type}, ${delivery.bytes} bytes`],
    ]);
    terminal.line(`  ${terminal.style('green', 'Signature verified by the standardwebhooks library.')}`);
  } finally {
    await receiver.close();
  }
}

/** The same question to every variant at once. */
export async function showVariants(stage: Stage): Promise<void> {
  const { client, terminal, variants, signal } = stage;
  const question = 'What is 27 + 58?';
  const jobs = await Promise.all(
    variants.map((variant) => runJob(stage, { ...jobFor(stage, question), variant })),
  );
  const served = (await client.models(signal)).find(({ id }) => id === stage.model)?.variants ?? [];
  terminal.heading(`Variants side by side: ${question}`);
  terminal.table([
    ['variant', 'bits/weight', 'tokens', 'first token', 'tokens/s', 'answer'],
    ...jobs.map((job) => [
      job.variant,
      served.find(({ variant }) => variant === job.variant)?.bits_per_weight.toFixed(2) ?? '',
      String(job.usage?.completion_tokens ?? 0),
      `${(job.timings?.time_to_first_token_ms ?? 0).toFixed(0)} ms`,
      String(job.timings?.tokens_per_second ?? ''),
      textOf(job).replaceAll('\n', ' '),
    ]),
  ]);
}

/** Many jobs at once: what batching makes of them, from the jobs' own timings and the metrics. */
export async function showFigures(stage: Stage): Promise<void> {
  const { client, terminal, signal } = stage;
  const questions = Array.from({ length: BURST_ROUNDS }, () => BURST).flat();
  const jobs = await Promise.all(questions.map((question) => runJob(stage, jobFor(stage, question))));
  const figures = figuresOf(jobs);
  const metrics = await client.metrics(signal);
  const metric = (name: string, label?: string) => String(sumMetric(metrics, name, label) ?? 0);
  terminal.heading(`${figures.jobs} jobs at once`);
  terminal.table([
    ['tokens/s', `${figures.tokensPerSecond.toFixed(0)} (${figures.completionTokens} tokens, all workers)`],
    ['time in queue', describeSpread(figures.queueMs)],
    ['first token after', describeSpread(figures.timeToFirstTokenMs)],
    ['jobs submitted', metric('drover_jobs_submitted_total')],
    ['queue depth now', metric('drover_queue_depth_jobs')],
    ['webhooks delivered', metric('drover_webhook_deliveries_total', 'outcome="delivered"')],
  ]);
}

function jobFor({ model }: Stage, question: string) {
  return {
    model,
    input: { messages: [{ role: 'user', content: question }], temperature: 0, max_tokens: 160 },
  };
}

async function runJob({ client, signal }: Stage, job: Readonly<Record<string, unknown>>): Promise<JobView> {
  const { id } = await client.submit(job, signal);
  const finished = await client.job(id, WAIT_S, signal);
  if (finished.finished_at === null) throw new Error(`Job ${id} did not end within ${WAIT_S} s.`);
  return requireSuccess(finished);
}

function requireSuccess(job: JobView): JobView {
  if (job.status === 'succeeded') return job;
  throw new Error(`Job ${job.id} ${job.status}: ${job.error?.message ?? 'no reason given'}`);
}

function describeSpeed({ usage, timings, variant }: JobView): string {
  return (
    `${usage?.completion_tokens ?? 0} tokens at ${timings?.tokens_per_second ?? 0} tokens/s on variant ${variant}, ` +
    `the first after ${(timings?.time_to_first_token_ms ?? 0).toFixed(0)} ms`
  );
}

function describeSpread({ median, max }: { readonly median: number; readonly max: number }): string {
  return `median ${median.toFixed(0)} ms, longest ${max.toFixed(0)} ms`;
}
