import type { SubmitJobRequest } from '#contracts';
import type { DroverClient } from '../../apps/cli/src/client/drover-client.js';
import { spreadOf, type Spread } from '../support/spread.js';
import { backlogJob } from './backlog.js';
import { SERVED_VARIANT, type BenchSystem } from './bench-system.js';
import { FIRST_TOKEN_JOB_TOKENS, type EngineReference } from './engine-reference.js';
import type { WebhookArrivals } from './webhook-arrivals.js';

/** Milliseconds, as one client sees them that does one thing at a time. */
export interface ServiceFigures {
  /** POST to the queue that holds the backlog, until the 202. */
  readonly submitMs: Spread;
  /** GET of a job at the end of that queue, its place in line included. */
  readonly readWaitingMs: Spread;
  /** GET of the tenant's newest 20 jobs. */
  readonly listMs: Spread;
  /** GET of the API's metrics, queue depths included. */
  readonly metricsMs: Spread;
  /** DELETE of a job at the end of that queue, until the 200. */
  readonly cancelWaitingMs: Spread;
  /** POST to an idle worker's queue until the first text on the event stream. */
  readonly firstTokenMs: Spread;
  /** The same prompts through the engine in this process. */
  readonly engineFirstTokenMs: Spread;
  readonly webhookMs: Spread;
  /** DELETE of a running job until its `done` event, which is written after its slot is free. */
  readonly cancelRunningMs: Spread;
  /** From the `start_by` of a job at the end of the backlog until it is expired; the service looks every second. */
  readonly expiryMs: Spread;
}

export interface ServiceQuestion {
  readonly system: BenchSystem;
  readonly engine: EngineReference;
  readonly webhooks: WebhookArrivals;
  readonly samples: number;
  readonly signal: AbortSignal;
}

const WARM_UP_SAMPLES = 20;
const LONG_JOB_TOKENS = 900;
const EXPIRING_JOBS = 20;
const FIRST_START_BY_MS = 2_000;
const START_BYS_WITHIN_MS = 1_000;
const EXPIRES_WITHIN_S = 60;

export async function measureService(question: ServiceQuestion): Promise<ServiceFigures> {
  const { signal, samples } = question;
  const sample = async <T>(measure: (index: number) => Promise<T>): Promise<T[]> => {
    const taken: T[] = [];
    for (let index = 0; index < WARM_UP_SAMPLES + samples; index += 1) {
      signal.throwIfAborted();
      taken.push(await measure(index));
    }
    return taken.slice(WARM_UP_SAMPLES);
  };
  const visits = await sample(() => visitBacklog(question));
  const firstTokens = await sample((index) => runFirstTokenJob(question, index));
  const cancels = await sample(() => cancelRunningJob(question));
  return {
    submitMs: spreadBy(visits, ({ submitMs }) => submitMs),
    readWaitingMs: spreadBy(visits, ({ readWaitingMs }) => readWaitingMs),
    listMs: spreadBy(visits, ({ listMs }) => listMs),
    metricsMs: spreadBy(visits, ({ metricsMs }) => metricsMs),
    cancelWaitingMs: spreadBy(visits, ({ cancelWaitingMs }) => cancelWaitingMs),
    firstTokenMs: spreadBy(firstTokens, ({ firstTokenMs }) => firstTokenMs),
    engineFirstTokenMs: spreadBy(firstTokens, ({ engineFirstTokenMs }) => engineFirstTokenMs),
    webhookMs: spreadBy(firstTokens, ({ webhookMs }) => webhookMs),
    cancelRunningMs: spreadBy(cancels, (cancelRunningMs) => cancelRunningMs),
    expiryMs: spreadOf(await Promise.all(startBysOf(Date.now()).map((at) => letExpire(question, at)))),
  };
}

/** A job that joins the end of the backlog, is looked at and leaves again. */
async function visitBacklog({ system: { client, baseUrl, model }, signal }: ServiceQuestion) {
  const [submitMs, { id }] = await timed(() => client.submit({ ...backlogJob(model) }, signal));
  const [readWaitingMs] = await timed(() => client.job(id, 0, signal));
  const [listMs] = await timed(() => readPage(`${baseUrl}/v1/jobs`, signal));
  const [metricsMs] = await timed(() => client.metrics(signal));
  const [cancelWaitingMs] = await timed(() => client.cancel(id, signal));
  return { submitMs, readWaitingMs, listMs, metricsMs, cancelWaitingMs };
}

/** Service and engine take turns, so that a disturbance of the machine does not hit one of them alone. */
async function runFirstTokenJob({ system, engine, webhooks, signal }: ServiceQuestion, index: number) {
  const question = `What is ${index} + 58?`;
  const engineFirstTokenMs = await engine.firstTokenMs(question);
  const job = {
    ...servedJob(system.model, question, FIRST_TOKEN_JOB_TOKENS),
    webhook: { url: webhooks.url },
  };
  const { id, firstTokenMs } = await followJob(system.client, job, signal);
  return { engineFirstTokenMs, firstTokenMs, webhookMs: await webhooks.latencyMs(id, signal) };
}

async function cancelRunningJob({ system: { client, model }, signal }: ServiceQuestion) {
  const { id } = await client.submit({ ...servedJob(model, 'Count from 1 to 60.', LONG_JOB_TOKENS) }, signal);
  let askedAtMs: number | undefined;
  let cancelled: Promise<unknown> | undefined;
  for await (const event of client.events(id, signal)) {
    if (event.type === 'token' && cancelled === undefined) {
      askedAtMs = performance.now();
      cancelled = client.cancel(id, signal);
    }
    if (event.type !== 'done') continue;
    const cancelRunningMs = performance.now() - (askedAtMs ?? Number.NaN);
    await cancelled;
    if (event.job.status !== 'cancelled') throw new Error(`Job ${id} ${event.job.status} before its cancel.`);
    return cancelRunningMs;
  }
  throw new Error(`The event stream of ${id} ended before the job did.`);
}

/** At all times of the second in which the service looks once. */
function startBysOf(nowMs: number): number[] {
  const stepMs = START_BYS_WITHIN_MS / EXPIRING_JOBS;
  return Array.from({ length: EXPIRING_JOBS }, (_, i) => nowMs + FIRST_START_BY_MS + i * stepMs);
}

async function letExpire({ system: { client, model }, signal }: ServiceQuestion, startByMs: number) {
  const start_by = new Date(startByMs).toISOString();
  const { id } = await client.submit({ ...backlogJob(model), start_by }, signal);
  const { status, finished_at } = await client.job(id, EXPIRES_WITHIN_S, signal);
  if (status !== 'expired')
    throw new Error(`Job ${id} is ${status} ${EXPIRES_WITHIN_S} s after its start_by.`);
  return Date.parse(finished_at ?? '') - startByMs;
}

/** Milliseconds from the POST to the first text, of a job that is then followed to its end. */
export async function followJob(client: DroverClient, job: SubmitJobRequest, signal: AbortSignal) {
  const startedAtMs = performance.now();
  const { id } = await client.submit({ ...job }, signal);
  let firstTokenMs: number | undefined;
  for await (const event of client.events(id, signal)) {
    if (event.type === 'token') firstTokenMs ??= performance.now() - startedAtMs;
    if (event.type !== 'done') continue;
    if (event.job.status === 'succeeded' && firstTokenMs !== undefined) return { id, firstTokenMs };
    throw new Error(`Job ${id} ${event.job.status} with${firstTokenMs === undefined ? 'out' : ''} text.`);
  }
  throw new Error(`The event stream of ${id} ended before the job did.`);
}

function servedJob(model: string, question: string, maxTokens: number): SubmitJobRequest {
  return {
    model,
    variant: SERVED_VARIANT,
    input: {
      messages: [{ role: 'user', content: question }],
      temperature: 0,
      max_tokens: maxTokens,
      ignore_eos: true,
    },
  };
}

async function readPage(url: string, signal: AbortSignal): Promise<void> {
  const answer = await fetch(url, { signal });
  await answer.text();
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}.`);
}

function spreadBy<T>(taken: readonly T[], pick: (sample: T) => number): Spread {
  return spreadOf(taken.map(pick));
}

async function timed<T>(work: () => Promise<T>): Promise<[number, T]> {
  const startedAtMs = performance.now();
  const result = await work();
  return [performance.now() - startedAtMs, result];
}
