import type { Redis } from 'ioredis';
import type { WebhookEventType } from '#contracts';
import { redisKeys, storedValue } from '#queue';
import type { DeliveryOutcome } from './delivery-outcome.js';
import { REPLACE_ENDPOINT_LUA } from './replace-endpoint.lua.js';
import {
  afterAttempt,
  changeEndpoint,
  createEndpoint,
  rotateSecret,
  type EndpointChange,
  type NewEndpoint,
  type WebhookEndpoint,
} from './webhook-endpoint.js';

/** Most endpoints of one tenant. */
export const MAX_ENDPOINTS = 50;

/**
 * The standing endpoints of each tenant, in Redis. Every change is one compare-and-set, which also keeps the list of
 * events that the tenant wants to hear of. URLs are for the caller to check (`DestinationWall.refusalOf`).
 */
export class EndpointStore {
  constructor(private readonly redis: Redis) {}

  /** Undefined where the tenant has `MAX_ENDPOINTS` already. */
  async create(tenant: string, wish: NewEndpoint, nowMs: number): Promise<WebhookEndpoint | undefined> {
    const made = createEndpoint(wish, nowMs);
    const outcome = await this.#replace(tenant, made.id, '', JSON.stringify(made));
    return outcome === 'full' ? undefined : made;
  }

  /** Oldest first. */
  async list(tenant: string): Promise<readonly WebhookEndpoint[]> {
    const texts = await this.redis.hvals(redisKeys.webhookEndpoints(tenant));
    return texts
      .map(parseEndpoint)
      .toSorted((a, b) => a.createdAtMs - b.createdAtMs || (a.id < b.id ? -1 : 1));
  }

  async get(tenant: string, id: string): Promise<WebhookEndpoint | undefined> {
    const text = await this.redis.hget(redisKeys.webhookEndpoints(tenant), id);
    return text === null ? undefined : parseEndpoint(text);
  }

  /** Undefined where there is no such endpoint; so for the other changes. */
  update(
    tenant: string,
    id: string,
    change: EndpointChange,
    nowMs: number,
  ): Promise<WebhookEndpoint | undefined> {
    return this.#change(tenant, id, (endpoint) => changeEndpoint(endpoint, change, nowMs));
  }

  /** Has a new secret sign; the old one signs beside it for `keepOldMs`. */
  rotateSecret(
    tenant: string,
    id: string,
    keepOldMs: number,
    nowMs: number,
  ): Promise<WebhookEndpoint | undefined> {
    return this.#change(tenant, id, (endpoint) => rotateSecret(endpoint, keepOldMs, nowMs));
  }

  /** Notes what an attempt means to its endpoint, which may disable it. */
  noteAttempt(
    tenant: string,
    id: string,
    outcome: DeliveryOutcome['kind'],
    nowMs: number,
  ): Promise<WebhookEndpoint | undefined> {
    return this.#change(tenant, id, (endpoint) => afterAttempt(endpoint, outcome, nowMs));
  }

  /** Removes an endpoint and its delivery log; false where there is none. */
  async delete(tenant: string, id: string): Promise<boolean> {
    for (;;) {
      const text = await this.redis.hget(redisKeys.webhookEndpoints(tenant), id);
      if (text === null) return false;
      if ((await this.#replace(tenant, id, text, '')) === 'changed') continue;
      await this.redis.del(redisKeys.deliveryLog(id));
      return true;
    }
  }

  /** Enabled endpoints that want an event. */
  async subscribersOf(tenant: string, event: WebhookEventType): Promise<readonly WebhookEndpoint[]> {
    const all = await this.list(tenant);
    return all.filter(({ disabled, events }) => disabled === null && events.includes(event));
  }

  async #change(
    tenant: string,
    id: string,
    change: (endpoint: WebhookEndpoint) => WebhookEndpoint,
  ): Promise<WebhookEndpoint | undefined> {
    for (;;) {
      const text = await this.redis.hget(redisKeys.webhookEndpoints(tenant), id);
      if (text === null) return undefined;
      const current = parseEndpoint(text);
      const next = change(current);
      if (next === current) return current;
      if ((await this.#replace(tenant, id, text, JSON.stringify(next))) === 'replaced') return next;
    }
  }

  async #replace(
    tenant: string,
    id: string,
    expected: string,
    replacement: string,
  ): Promise<'replaced' | 'changed' | 'full'> {
    const keys = [redisKeys.webhookEndpoints(tenant), redisKeys.webhookSubscribers];
    const args = [tenant, id, expected, replacement, MAX_ENDPOINTS];
    return storedValue(await this.redis.eval(REPLACE_ENDPOINT_LUA, keys.length, ...keys, ...args));
  }
}

function parseEndpoint(text: string): WebhookEndpoint {
  return storedValue<WebhookEndpoint>(JSON.parse(text));
}
