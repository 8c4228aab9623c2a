import { Body, Controller, Get, HttpCode, HttpStatus, Param, Post, Query } from '@nestjs/common';
import { JOBS_PATH } from '#contracts';
import { Tenant } from '../http/api-key.guard.js';
import { ZodPipe } from '../http/zod.pipe.js';
import { JobsService } from '../jobs/jobs.service.js';
import { toDeliveryPage, toDeliveryView, type DeliveryPage, type DeliveryView } from './delivery-view.js';
import { WebhookDeliveriesService } from './webhook-deliveries.service.js';
import { WEBHOOK_ENDPOINTS_PATH } from './webhook-endpoint-view.js';
import {
  deliveriesQuerySchema,
  redeliverSchema,
  type DeliveriesQuery,
  type RedeliverRequest,
} from './webhook-requests.js';

export interface Redelivery {
  readonly object: 'webhook_redelivery';
  /** Deliveries that are under way now. */
  readonly delivery_ids: readonly string[];
  /** How many the log has whose bodies are no longer kept. */
  readonly not_kept: number;
}

@Controller()
export class WebhookDeliveriesController {
  constructor(
    private readonly jobs: JobsService,
    private readonly deliveries: WebhookDeliveriesService,
  ) {}

  @Get(`${JOBS_PATH}/:id/deliveries`)
  async ofJob(
    @Tenant() tenant: string,
    @Param('id') id: string,
    @Query(new ZodPipe(deliveriesQuerySchema)) query: DeliveriesQuery,
  ): Promise<DeliveryPage> {
    const job = await this.jobs.peek(tenant, id);
    return toDeliveryPage(await this.deliveries.ofJob(job.id, query));
  }

  @Get(`${WEBHOOK_ENDPOINTS_PATH}/:id/deliveries`)
  async ofEndpoint(
    @Tenant() tenant: string,
    @Param('id') id: string,
    @Query(new ZodPipe(deliveriesQuerySchema)) query: DeliveriesQuery,
  ): Promise<DeliveryPage> {
    return toDeliveryPage(await this.deliveries.ofEndpoint(tenant, id, query));
  }

  @Post('/v1/webhook_deliveries/:id/redeliver')
  @HttpCode(HttpStatus.ACCEPTED)
  async redeliver(@Tenant() tenant: string, @Param('id') id: string): Promise<Redelivery> {
    const deliveryId = await this.deliveries.redeliver(tenant, id);
    return { object: 'webhook_redelivery', delivery_ids: [deliveryId], not_kept: 0 };
  }

  @Post(`${WEBHOOK_ENDPOINTS_PATH}/:id/redeliver`)
  @HttpCode(HttpStatus.ACCEPTED)
  async redeliverRange(
    @Tenant() tenant: string,
    @Param('id') id: string,
    @Body(new ZodPipe(redeliverSchema)) { since, until, include }: RedeliverRequest,
  ): Promise<Redelivery> {
    const untilMs = until === undefined ? Date.now() : Date.parse(until);
    const range = { sinceMs: Date.parse(since), untilMs, include };
    const { deliveryIds, notKept } = await this.deliveries.redeliverRange(tenant, id, range);
    return { object: 'webhook_redelivery', delivery_ids: deliveryIds, not_kept: notKept };
  }

  /** Answers once the one attempt is over, however it went. */
  @Post(`${WEBHOOK_ENDPOINTS_PATH}/:id/test`)
  @HttpCode(HttpStatus.OK)
  async test(@Tenant() tenant: string, @Param('id') id: string): Promise<DeliveryView> {
    return toDeliveryView(await this.deliveries.sendTest(tenant, id));
  }
}
