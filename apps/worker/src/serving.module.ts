import { Module } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import type { WorkerSettings } from '#config';
import { Engine, type ModelRunner } from '#engine';
import type { Logger } from '#observability';
import { createJobWorker, type JobWorker } from '#queue';
import { loadTokenizer, type Tokenizer } from '#tokenizer';
import { GenerationHandler } from './generation/generation-handler.js';
import { GenerationMetrics } from './generation/generation-metrics.js';
import { TokenPublisher } from './generation/token-publisher.js';
import { GracefulDrain } from './lifecycle/graceful-drain.js';
import { Heartbeat } from './lifecycle/heartbeat.js';
import { openModelRunner } from './lifecycle/open-model-runner.js';
import type { PinnedVariant } from './lifecycle/startup-checks.js';
import { WorkerState } from './lifecycle/worker-state.js';
import { JOB_WORKER, LOGGER, MODEL_RUNNER, PINNED_VARIANT, SETTINGS, TOKENIZER } from './worker.tokens.js';

/** The parts that run jobs. Loaded after the port is open: a large model takes its time, and `/healthz` must not wait. */
@Module({
  providers: [
    {
      provide: TOKENIZER,
      inject: [PINNED_VARIANT],
      useFactory: ({ directory }: PinnedVariant) => loadTokenizer(directory),
    },
    {
      provide: JOB_WORKER,
      inject: [SETTINGS, LOGGER, GenerationMetrics, GracefulDrain, ModuleRef],
      useFactory: openJobWorker,
    },
    {
      provide: Heartbeat,
      inject: [SETTINGS, PINNED_VARIANT, WorkerState, JOB_WORKER, GenerationMetrics, LOGGER],
      useFactory: openHeartbeat,
    },
    {
      provide: TokenPublisher,
      inject: [JOB_WORKER, LOGGER],
      useFactory: ({ lifecycle }: JobWorker, logger: Logger) =>
        new TokenPublisher(
          (appends) => lifecycle.appendTokens(appends),
          (err) => logger.warn({ err }, 'text could not be published, trying again'),
        ),
    },
    {
      provide: MODEL_RUNNER,
      inject: [SETTINGS, PINNED_VARIANT, GenerationMetrics, GracefulDrain],
      useFactory: openModelRunner,
    },
    {
      provide: Engine,
      inject: [MODEL_RUNNER, SETTINGS, TokenPublisher, GenerationMetrics, GracefulDrain],
      useFactory: openEngine,
    },
    {
      provide: GenerationHandler,
      inject: [JOB_WORKER, Engine, TOKENIZER, PINNED_VARIANT, TokenPublisher, GenerationMetrics, LOGGER],
      useFactory: (
        { lifecycle }: JobWorker,
        engine: Engine,
        tokenizer: Tokenizer,
        { contextTokens }: PinnedVariant,
        publisher: TokenPublisher,
        metrics: GenerationMetrics,
        logger: Logger,
      ) => new GenerationHandler({ lifecycle, engine, tokenizer, contextTokens, publisher, metrics, logger }),
    },
  ],
})
export class ServingModule {}

async function openJobWorker(
  settings: WorkerSettings,
  logger: Logger,
  metrics: GenerationMetrics,
  drain: GracefulDrain,
  moduleRef: ModuleRef,
): Promise<JobWorker> {
  const jobs = await createJobWorker({
    redisUrl: settings.REDIS_URL,
    model: settings.DROVER_MODEL,
    variant: settings.DROVER_VARIANT,
    concurrency: settings.DROVER_SLOTS,
    // Looked up at the first job: the handler itself needs this worker's lifecycle.
    handler: (lease, taken) => moduleRef.get(GenerationHandler).handle(lease, taken),
    onLateWrite: (kind) => metrics.lateWriteRefused(kind),
    logger,
  });
  drain.onDrain('job queue', () => jobs.close());
  return jobs;
}

function openHeartbeat(
  settings: WorkerSettings,
  variant: PinnedVariant,
  state: WorkerState,
  jobs: JobWorker,
  metrics: GenerationMetrics,
  logger: Logger,
): Heartbeat {
  return new Heartbeat({
    takeReading: () => ({
      workerId: state.workerId,
      model: settings.DROVER_MODEL,
      variant: settings.DROVER_VARIANT,
      device: settings.DROVER_DEVICE,
      contextTokens: variant.contextTokens,
      slots: settings.DROVER_SLOTS,
      slotsUsed: jobs.activeCount,
      bitsPerWeight: variant.bitsPerWeight,
      memoryBytes: process.memoryUsage.rss(),
      tokensPerSecond: metrics.tokensPerSecond(),
      status: state.status,
      startedAtMs: state.startedAtMs,
      lastSeenMs: Date.now(),
    }),
    publish: (heartbeat) => jobs.publishHeartbeat(heartbeat),
    withdraw: () => jobs.withdrawHeartbeat(state.workerId),
    onPublished: () => state.redisAnswered(Date.now()),
    onError: (err) => logger.warn({ err }, 'heartbeat was not taken'),
  });
}

function openEngine(
  runner: ModelRunner,
  settings: WorkerSettings,
  publisher: TokenPublisher,
  metrics: GenerationMetrics,
  drain: GracefulDrain,
): Engine {
  const engine = new Engine({
    runner,
    prefillChunkTokens: settings.DROVER_PREFILL_CHUNK,
    onStep: (report) => {
      publisher.push(report.deltas);
      metrics.stepDone(report);
    },
  });
  drain.onDrain('engine', () => engine.close());
  return engine;
}
