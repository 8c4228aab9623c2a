import { Module, type DynamicModule } from '@nestjs/common';
import { EndpointStore } from '#webhooks';
import type { Redis } from 'ioredis';
import { REDIS } from '../backend/tokens.js';
import { JobsModule } from '../jobs/jobs.module.js';
import { WebhookDeliveriesController } from './webhook-deliveries.controller.js';
import { WebhookDeliveriesService } from './webhook-deliveries.service.js';
import { WebhookEndpointsController } from './webhook-endpoints.controller.js';
import { WebhookEndpointsService } from './webhook-endpoints.service.js';

/** Standing endpoints and delivery logs over HTTP, beside the module that delivers. */
@Module({})
export class WebhookRoutesModule {
  static forRoot(webhooks: DynamicModule): DynamicModule {
    return {
      module: WebhookRoutesModule,
      imports: [JobsModule, webhooks],
      controllers: [WebhookEndpointsController, WebhookDeliveriesController],
      providers: [
        {
          // Over the API's own connection, which fails at once while Redis is away.
          provide: EndpointStore,
          useFactory: (redis: Redis) => new EndpointStore(redis),
          inject: [REDIS],
        },
        WebhookEndpointsService,
        WebhookDeliveriesService,
      ],
    };
  }
}
