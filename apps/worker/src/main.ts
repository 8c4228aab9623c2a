import 'reflect-metadata';
import { LazyModuleLoader, NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { loadWorkerSettings, SettingsError, type WorkerSettings } from '#config';
import { createLogger, type Logger } from '#observability';
import type { JobWorker } from '#queue';
import { EXIT_CODES, StartupError } from './lifecycle/exit-codes.js';
import { drainOnSignal, GracefulDrain } from './lifecycle/graceful-drain.js';
import { Heartbeat } from './lifecycle/heartbeat.js';
import { checkStartup, type PinnedVariant } from './lifecycle/startup-checks.js';
import { WorkerState } from './lifecycle/worker-state.js';
import { nestLogger } from './nest-logger.js';
import { ServingModule } from './serving.module.js';
import { WorkerModule } from './worker.module.js';
import { JOB_WORKER } from './worker.tokens.js';

/** What the queue needs to let go of its jobs once the time for draining is over. */
const HAND_BACK_MS = 5_000;

async function openApp(
  settings: WorkerSettings,
  variant: PinnedVariant,
  drain: GracefulDrain,
  logger: Logger,
): Promise<NestFastifyApplication> {
  const module = WorkerModule.forRoot({ settings, variant, drain, logger });
  const app = await NestFactory.create<NestFastifyApplication>(module, new FastifyAdapter(), {
    logger: nestLogger(logger),
    abortOnError: false,
  });
  await app.listen(settings.DROVER_WORKER_PORT, settings.DROVER_WORKER_HOST);
  drain.onDrain('http port', () => app.close());
  return app;
}

/** Loads the model, then takes jobs until the drain. */
async function serve(
  app: NestFastifyApplication,
  drain: GracefulDrain,
  drainTimeoutMs: number,
): Promise<void> {
  const serving = await app.get(LazyModuleLoader).load(() => ServingModule);
  const jobs = serving.get<JobWorker>(JOB_WORKER);
  const heartbeat = serving.get(Heartbeat);
  const state = app.get(WorkerState);
  drain.onDrain('heartbeat', () => heartbeat.stop());
  drain.onDrain('running jobs', () => jobs.drain(drainTimeoutMs), drainTimeoutMs + HAND_BACK_MS);
  drain.onDrain('readiness', async () => {
    state.drainBegun();
    heartbeat.beat();
  });
  await jobs.start();
  state.modelServed();
  heartbeat.beat();
}

async function main(): Promise<void> {
  const settings = loadWorkerSettings();
  const logger = createLogger('drover-worker', settings.DROVER_LOG_LEVEL);
  const drain = new GracefulDrain(logger);
  drainOnSignal({
    drain: () => drain.drain(),
    exit: (outcome) => process.exit(EXIT_CODES[outcome]),
    logger,
  });
  try {
    const variant = await checkStartup(settings);
    const app = await openApp(settings, variant, drain, logger);
    await serve(app, drain, settings.DROVER_SHUTDOWN_TIMEOUT_MS);
    const {
      DROVER_MODEL: model,
      DROVER_VARIANT: name,
      DROVER_DEVICE: device,
      DROVER_SLOTS: slots,
    } = settings;
    const url = await app.getUrl();
    logger.info({ url, model, variant: name, device, slots, contextTokens: variant.contextTokens }, 'ready');
  } catch (error) {
    await drain.drain();
    throw error;
  }
}

function exitWith(error: unknown): never {
  if (error instanceof SettingsError) {
    console.error(error.message);
    process.exit(EXIT_CODES.settings);
  }
  const logger = createLogger('drover-worker', 'info');
  if (error instanceof StartupError) {
    logger.fatal(error.message);
    process.exit(error.exitCode);
  }
  logger.fatal({ err: error }, 'the worker cannot go on');
  process.exit(EXIT_CODES.unexpected);
}

process.on('uncaughtException', exitWith);
await main().catch(exitWith);
