import { Module, type DynamicModule } from '@nestjs/common';
import type { WorkerSettings } from '#config';
import { createWorkerMetrics, type Logger, type WorkerMetrics } from '#observability';
import { GenerationMetrics } from './generation/generation-metrics.js';
import { HealthController } from './health/health.controller.js';
import { MetricsController } from './health/metrics.controller.js';
import { GracefulDrain } from './lifecycle/graceful-drain.js';
import type { PinnedVariant } from './lifecycle/startup-checks.js';
import { WorkerState } from './lifecycle/worker-state.js';
import { LOGGER, METRICS, PINNED_VARIANT, SETTINGS } from './worker.tokens.js';

export interface WorkerModuleOptions {
  readonly settings: WorkerSettings;
  readonly logger: Logger;
  readonly variant: PinnedVariant;
  readonly drain: GracefulDrain;
}

/** What answers on the worker's port from the first moment, and what the serving parts share with it. */
@Module({})
export class WorkerModule {
  static forRoot({ settings, logger, variant, drain }: WorkerModuleOptions): DynamicModule {
    const providers = [
      { provide: SETTINGS, useValue: settings },
      { provide: LOGGER, useValue: logger },
      { provide: PINNED_VARIANT, useValue: variant },
      { provide: GracefulDrain, useValue: drain },
      { provide: METRICS, useValue: createWorkerMetrics(settings.DROVER_MODEL, settings.DROVER_VARIANT) },
      {
        provide: GenerationMetrics,
        inject: [METRICS],
        useFactory: (metrics: WorkerMetrics) => new GenerationMetrics(metrics),
      },
      WorkerState,
    ];
    return {
      module: WorkerModule,
      global: true,
      controllers: [HealthController, MetricsController],
      providers,
      exports: providers,
    };
  }
}
