import type { EndpointStore } from './endpoint-store.js';
import type { ServiceSecret } from './service-secret.js';
import type { WebhookDelivery } from './webhook-delivery.js';
import { signingSecrets } from './webhook-endpoint.js';

/** Where a delivery goes now and which secrets sign it. */
export interface OpenTarget {
  readonly kind: 'open';
  readonly url: string;
  readonly secrets: readonly string[];
}

/** Nobody wants it there any more. */
export interface ClosedTarget {
  readonly kind: 'closed';
  readonly url: string | null;
  readonly reason: string;
}

export interface TargetSources {
  readonly endpoints: EndpointStore;
  readonly secret: ServiceSecret;
}

/** Looks up where an attempt goes at this moment. */
export async function findTarget(
  { endpoints, secret }: TargetSources,
  { tenant, to }: WebhookDelivery,
  nowMs: number,
): Promise<OpenTarget | ClosedTarget> {
  if (to.kind === 'job') return { kind: 'open', url: to.url, secrets: [to.secret ?? (await secret.get())] };
  const endpoint = await endpoints.get(tenant, to.endpointId);
  if (endpoint === undefined) return { kind: 'closed', url: null, reason: 'the endpoint was deleted' };
  const { url, disabled } = endpoint;
  if (disabled !== null) return { kind: 'closed', url, reason: 'the endpoint is disabled' };
  return { kind: 'open', url, secrets: signingSecrets(endpoint, nowMs) };
}
