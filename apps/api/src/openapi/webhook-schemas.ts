import { WEBHOOK_EVENT_TYPES } from '#contracts';
import { DELIVERY_OUTCOMES, TEST_EVENT_TYPE } from '#webhooks';
import { z } from 'zod';
import type { DeliveryPage, DeliveryView } from '../webhooks/delivery-view.js';
import type { Redelivery } from '../webhooks/webhook-deliveries.controller.js';
import type {
  WebhookEndpointList,
  WebhookEndpointView,
  WebhookEndpointWithSecret,
} from '../webhooks/webhook-endpoint-view.js';

const time = z.iso.datetime();

export const webhookEndpointSchema = z.strictObject({
  id: z.string(),
  object: z.literal('webhook_endpoint'),
  url: z.string(),
  description: z.string(),
  events: z.array(z.enum(WEBHOOK_EVENT_TYPES)),
  enabled: z.boolean(),
  disabled: z
    .strictObject({ reason: z.enum(['by_request', 'gone', 'failing']), at: time })
    .nullable()
    .describe('`gone`: it answered 410. `failing`: nothing arrived for 5 days.'),
  failing_since: time.nullable().describe('Null while the last attempt arrived.'),
  created_at: time,
  old_secret_expires_at: time
    .nullable()
    .describe('Until when the secret before the last rotation signs, too.'),
}) satisfies z.ZodType<WebhookEndpointView>;

export const webhookEndpointWithSecretSchema = webhookEndpointSchema.extend({
  secret: z.string().describe('`whsec_` and the base64 of 32 bytes. Shown here alone: keep it.'),
}) satisfies z.ZodType<WebhookEndpointWithSecret>;

export const webhookEndpointListSchema = z.strictObject({
  object: z.literal('list'),
  data: z.array(webhookEndpointSchema).describe('Oldest first.'),
  has_more: z.literal(false),
}) satisfies z.ZodType<WebhookEndpointList>;

export const deliverySchema = z.strictObject({
  id: z.string(),
  object: z.literal('webhook_delivery_attempt'),
  delivery_id: z.string().describe('Names the event and its destination; `redeliver` takes it.'),
  webhook_id: z.string().describe('Names the event, in every attempt and at every destination.'),
  event: z.enum([...WEBHOOK_EVENT_TYPES, TEST_EVENT_TYPE]),
  job_id: z.string().nullable(),
  endpoint_id: z.string().nullable().describe("Null where it went to the job's own webhook."),
  host: z.string().nullable(),
  attempt: z.int().min(1),
  at: time,
  duration_ms: z.number().min(0),
  status_code: z.int().nullable().describe('Null where no answer came.'),
  outcome: z
    .enum(DELIVERY_OUTCOMES)
    .describe('`retry`: another attempt follows. `refused`: nothing was sent, and nothing will be.'),
  error: z
    .string()
    .nullable()
    .describe("Why it did not arrive, in the service's words; no answer's body is kept."),
  next_attempt_at: time.nullable(),
}) satisfies z.ZodType<DeliveryView>;

export const deliveryPageSchema = z.strictObject({
  object: z.literal('list'),
  data: z.array(deliverySchema).describe('Newest first.'),
  first_id: z.string().nullable(),
  last_id: z.string().nullable(),
  has_more: z.boolean(),
}) satisfies z.ZodType<DeliveryPage>;

export const redeliverySchema = z.strictObject({
  object: z.literal('webhook_redelivery'),
  delivery_ids: z.array(z.string()).describe('Deliveries that are under way now.'),
  not_kept: z.int().min(0).describe('How many the log has whose bodies are no longer kept.'),
}) satisfies z.ZodType<Redelivery>;
