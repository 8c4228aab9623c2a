export {
  DELIVERY_OUTCOMES,
  DeliveryLog,
  type DeliveryAttempt,
  type DeliveryLogEntry,
  type DeliveryLogPage,
  type DeliveryLogQuery,
  type LoggedOutcome,
} from './delivery-log.js';
export { DestinationWall, type WallOptions } from './destination-wall.js';
export { EndpointStore, MAX_ENDPOINTS } from './endpoint-store.js';
export type { RedeliveryRange } from './pick-redeliveries.js';
export { STANDARD_RETRY_SCHEDULE, type RetrySchedule } from './retry-schedule.js';
export { generateWebhookSecret, signWebhook, type WebhookHeaders } from './sign-webhook.js';
export { WebhookDeliveries, type RangeRedelivery, type RedeliverOutcome } from './webhook-deliveries.js';
export { TEST_EVENT_TYPE, type DeliveredEventType } from './webhook-delivery.js';
export type { DisabledEndpoint, EndpointChange, NewEndpoint, WebhookEndpoint } from './webhook-endpoint.js';
export { WebhooksModule, type WebhooksOptions } from './webhooks.module.js';
