export { DeliveryLog, type DeliveryLogEntry } from './delivery-log.js';
export { STANDARD_RETRY_SCHEDULE, type RetrySchedule } from './retry-schedule.js';
export { generateWebhookSecret, signWebhook, type WebhookHeaders } from './sign-webhook.js';
export { WebhooksModule, type WebhooksOptions } from './webhooks.module.js';
export { objectionTo, type WebhookUrlRules } from './webhook-url.js';
