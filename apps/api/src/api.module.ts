import { Module, type DynamicModule } from '@nestjs/common';
import { APP_FILTER, APP_GUARD } from '@nestjs/core';
import { WebhooksModule } from '#webhooks';
import { BackendModule, type ApiParts } from './backend/backend.module.js';
import { HealthController } from './health/health.controller.js';
import { API_KEY_RING, ApiKeyGuard } from './http/api-key.guard.js';
import { createKeyRing } from './http/api-keys.js';
import { ProblemFilter } from './http/problem.filter.js';
import { JobsModule } from './jobs/jobs.module.js';
import { LifecycleModule } from './lifecycle/lifecycle.module.js';
import { MetricsController } from './metrics/metrics.controller.js';
import { QueueSampler } from './metrics/queue-sampler.js';
import { ModelsModule } from './models/models.module.js';
import { OpenApiController } from './openapi/openapi.controller.js';
import { wallOptionsOf } from './webhooks/wall-options.js';
import { WebhookRoutesModule } from './webhooks/webhook-routes.module.js';

@Module({})
export class ApiModule {
  static forRoot(parts: ApiParts): DynamicModule {
    const { settings, metrics, logger } = parts;
    const webhooks = WebhooksModule.forRoot({
      redisUrl: settings.REDIS_URL,
      secret: settings.DROVER_WEBHOOK_SECRET,
      ...wallOptionsOf(settings),
      perHost: settings.DROVER_WEBHOOK_PER_HOST,
      timeoutMs: settings.DROVER_WEBHOOK_TIMEOUT_MS,
      metrics,
      logger,
    });
    return {
      module: ApiModule,
      imports: [
        BackendModule.forRoot(parts),
        LifecycleModule,
        ModelsModule,
        JobsModule,
        webhooks,
        WebhookRoutesModule.forRoot(webhooks),
      ],
      controllers: [HealthController, MetricsController, OpenApiController],
      providers: [
        QueueSampler,
        { provide: API_KEY_RING, useFactory: () => createKeyRing(settings.DROVER_API_KEYS) },
        { provide: APP_GUARD, useClass: ApiKeyGuard },
        { provide: APP_FILTER, useClass: ProblemFilter },
      ],
    };
  }
}
