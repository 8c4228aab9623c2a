import { Injectable } from '@nestjs/common';
import { DroverError } from '#contracts';
import { orUnavailable } from '#queue';
import {
  DestinationWall,
  EndpointStore,
  MAX_ENDPOINTS,
  type EndpointChange,
  type NewEndpoint,
  type WebhookEndpoint,
} from '#webhooks';
import { requireDestination } from './require-destination.js';

/** A tenant's standing endpoints. What is not theirs, or not there, is `webhook_endpoint_not_found`. */
@Injectable()
export class WebhookEndpointsService {
  constructor(
    private readonly store: EndpointStore,
    private readonly wall: DestinationWall,
  ) {}

  /** @throws DroverError `invalid_value` for the URL, `too_many_webhook_endpoints` */
  async create(tenant: string, wish: NewEndpoint): Promise<WebhookEndpoint> {
    requireDestination(this.wall, wish.url, 'url');
    const endpoint = await orUnavailable(() => this.store.create(tenant, wish, Date.now()));
    if (endpoint !== undefined) return endpoint;
    throw new DroverError(
      'too_many_webhook_endpoints',
      `There are ${MAX_ENDPOINTS} webhook endpoints, the most there may be. Change or delete one.`,
    );
  }

  list(tenant: string): Promise<readonly WebhookEndpoint[]> {
    return orUnavailable(() => this.store.list(tenant));
  }

  async get(tenant: string, id: string): Promise<WebhookEndpoint> {
    return found(id, await orUnavailable(() => this.store.get(tenant, id)));
  }

  /** @throws DroverError `invalid_value` for the URL */
  async update(tenant: string, id: string, change: EndpointChange): Promise<WebhookEndpoint> {
    if (change.url !== undefined) requireDestination(this.wall, change.url, 'url');
    return found(id, await orUnavailable(() => this.store.update(tenant, id, change, Date.now())));
  }

  /** The new secret signs from now on, the old one beside it for `keepOldMs` more. */
  async rotateSecret(tenant: string, id: string, keepOldMs: number): Promise<WebhookEndpoint> {
    return found(id, await orUnavailable(() => this.store.rotateSecret(tenant, id, keepOldMs, Date.now())));
  }

  async delete(tenant: string, id: string): Promise<void> {
    if (!(await orUnavailable(() => this.store.delete(tenant, id)))) throw endpointNotFound(id);
  }
}

function found(id: string, endpoint: WebhookEndpoint | undefined): WebhookEndpoint {
  if (endpoint === undefined) throw endpointNotFound(id);
  return endpoint;
}

/** Same words for an endpoint that never was and one that another key owns. */
export function endpointNotFound(id: string): DroverError {
  return new DroverError(
    'webhook_endpoint_not_found',
    `There is no webhook endpoint \`${id.slice(0, 80)}\`. GET /v1/webhook_endpoints lists yours.`,
  );
}
