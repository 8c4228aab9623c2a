import { MAX_CHOICES_PER_JOB } from '#contracts';
import { Engine, type ModelRunner, type PagedRunner } from '#engine';
import { createJobWorker, type AttemptHandler, type JobLifecycle, type JobWorker } from '#queue';
import { ConstraintCompiler } from '#structured';
import { loadTokenizer, type Tokenizer } from '#tokenizer';
import { createLogprobDescriber, type LogprobDescriber } from './generation/describe-logprobs.js';
import { GenerationHandler } from './generation/generation-handler.js';
import { TokenPublisher } from './generation/token-publisher.js';
import { healthRoutes } from './health/health-routes.js';
import { openHealthServer } from './health/health-server.js';
import { openHeartbeat } from './lifecycle/open-heartbeat.js';
import { openModelRunner } from './lifecycle/open-model-runner.js';
import { showServing } from './lifecycle/show-serving.js';
import { createWorkerContext, type WorkerContext, type WorkerFacts } from './worker-context.js';

/** What the queue needs to let go of its jobs once the time for draining is over. */
const HAND_BACK_MS = 5_000;

/**
 * Opens the worker, each part after those it needs; the drain closes them in reverse. The port is open and the
 * registry knows the worker before the model loads, which may take minutes. Resolves with the address of the port once
 * jobs are taken. `openRunner` may bring another model than the variant's own, whose tokenizer it then speaks.
 * @throws StartupError where the model cannot be loaded onto its device.
 */
export async function serveVariant(facts: WorkerFacts, openRunner = openModelRunner): Promise<string> {
  const worker = createWorkerContext(facts);
  const { variant, drain, state, metrics, flight, soundness, logger } = worker;
  const url = await openHealthPort(worker);
  // The handler is made further down, from this part's lifecycle; no job comes before `start`.
  const jobs: JobWorker = await openJobWorker(worker, (lease, taken) => handler.handle(lease, taken));
  const heartbeat = openHeartbeat(worker, jobs);
  const tokenizer = await loadTokenizer(variant.directory);
  const runner = await openRunner(worker);
  flight.modelLoaded();
  showServing(worker, runner.info);
  const describeLogprobs = createLogprobDescriber(tokenizer);
  const publisher = createPublisher(worker, jobs.lifecycle, describeLogprobs);
  const engine = openEngine(worker, runner, publisher);
  const handler = new GenerationHandler({
    lifecycle: jobs.lifecycle,
    engine,
    model: { tokenizer, contextTokens: variant.contextTokens, constraints: compilerFor(tokenizer) },
    describeLogprobs,
    publisher,
    metrics,
    flight,
    soundness,
    logger,
  });

  const timeoutMs = worker.settings.DROVER_DRAIN_S * 1_000;
  drain.onDrain('running jobs', () => jobs.drain(timeoutMs), timeoutMs + HAND_BACK_MS);
  drain.onDrain('readiness', async () => {
    state.drainBegun();
    heartbeat.beat();
  });
  await jobs.start();
  state.modelServed();
  heartbeat.beat();
  return url;
}

async function openHealthPort(worker: WorkerContext): Promise<string> {
  const { settings, logger, drain } = worker;
  const server = await openHealthServer({
    host: settings.DROVER_WORKER_HOST,
    port: settings.DROVER_WORKER_PORT,
    routes: healthRoutes(worker),
    logger,
  });
  drain.onDrain('http port', () => server.close());
  return server.url;
}

async function openJobWorker(worker: WorkerContext, handler: AttemptHandler): Promise<JobWorker> {
  const { settings, metrics, logger, drain } = worker;
  const jobs = await createJobWorker({
    redisUrl: settings.REDIS_URL,
    model: settings.DROVER_MODEL,
    variant: settings.DROVER_VARIANT,
    concurrency: settings.DROVER_SLOTS,
    handler,
    onLateWrite: (kind) => metrics.lateWriteRefused(kind),
    logger,
  });
  drain.onDrain('job queue', () => jobs.close());
  return jobs;
}

function createPublisher(
  { logger }: WorkerContext,
  lifecycle: JobLifecycle,
  describeLogprobs: LogprobDescriber,
): TokenPublisher {
  return new TokenPublisher({
    appendTokens: (appends) => lifecycle.appendTokens(appends),
    describeLogprobs,
    onWriteError: (err) => logger.warn({ err }, 'text could not be published, trying again'),
  });
}

function compilerFor(tokenizer: Tokenizer): ConstraintCompiler {
  return new ConstraintCompiler({ bytesOf: tokenizer.tokenBytes(), endTokenIds: tokenizer.endTokenIds });
}

function openEngine(
  worker: WorkerContext,
  runner: ModelRunner | PagedRunner,
  publisher: TokenPublisher,
): Engine {
  const { settings, metrics, flight, drain } = worker;
  const engine = new Engine({
    runner,
    prefillChunkTokens: settings.DROVER_PREFILL_CHUNK,
    maxQueued: settings.DROVER_SLOTS * MAX_CHOICES_PER_JOB,
    prefixCache: settings.DROVER_PREFIX_CACHE_MIB > 0,
    speculation: settings.DROVER_SPECULATION === 'on',
    onStepStart: (step) => flight.stepStarts(step),
    onStep: (report) => {
      flight.stepDone(report);
      publisher.push(report.deltas);
      metrics.stepDone(report);
    },
  });
  drain.onDrain('engine', () => engine.close());
  return engine;
}
