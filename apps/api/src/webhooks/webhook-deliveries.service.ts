import { Inject, Injectable } from '@nestjs/common';
import { DroverError } from '#contracts';
import { orUnavailable, type JobSubmitter } from '#queue';
import {
  WebhookDeliveries,
  type DeliveryLogEntry,
  type DeliveryLogPage,
  type DeliveryLogQuery,
  type RangeRedelivery,
  type RedeliveryRange,
} from '#webhooks';
import { JOB_SUBMITTER } from '../backend/tokens.js';
import { endpointNotFound } from './webhook-endpoints.service.js';

/**
 * What became of a tenant's webhooks, and sending them again. The queue of deliveries waits for a lost Redis, which a
 * request must not: each one asks first whether Redis answers.
 */
@Injectable()
export class WebhookDeliveriesService {
  constructor(
    @Inject(JOB_SUBMITTER) private readonly submitter: JobSubmitter,
    private readonly deliveries: WebhookDeliveries,
  ) {}

  /** The caller checks whose job it is. */
  ofJob(jobId: string, query: DeliveryLogQuery): Promise<DeliveryLogPage> {
    return this.#ask(() => this.deliveries.ofJob(jobId, query));
  }

  async ofEndpoint(tenant: string, id: string, query: DeliveryLogQuery): Promise<DeliveryLogPage> {
    const page = await this.#ask(() => this.deliveries.ofEndpoint(tenant, id, query));
    if (page === undefined) throw endpointNotFound(id);
    return page;
  }

  /** Id of the delivery that is under way now. */
  async redeliver(tenant: string, deliveryId: string): Promise<string> {
    const outcome = await this.#ask(() => this.deliveries.redeliver(tenant, deliveryId));
    if (outcome.kind !== 'not-found') return outcome.deliveryId;
    throw new DroverError(
      'webhook_delivery_not_found',
      `There is no delivery \`${deliveryId.slice(0, 160)}\`, or it is no longer kept. The deliveries of a job or an endpoint list their \`delivery_id\`.`,
    );
  }

  async redeliverRange(tenant: string, id: string, range: RedeliveryRange): Promise<RangeRedelivery> {
    const redelivered = await this.#ask(() => this.deliveries.redeliverRange(tenant, id, range));
    if (redelivered === undefined) throw endpointNotFound(id);
    return redelivered;
  }

  async sendTest(tenant: string, id: string): Promise<DeliveryLogEntry> {
    const entry = await this.#ask(() => this.deliveries.sendTest(tenant, id));
    if (entry === undefined) throw endpointNotFound(id);
    return entry;
  }

  async #ask<T>(work: () => Promise<T>): Promise<T> {
    await this.submitter.ping();
    return orUnavailable(work);
  }
}
