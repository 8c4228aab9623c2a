const PREFIX = '{drover}';

export const webhookKeys = {
  bullPrefix: `${PREFIX}:bull`,
  outbox: `${PREFIX}:webhook-outbox`,
  outboxInHand: `${PREFIX}:webhook-outbox:in-hand`,
  secret: `${PREFIX}:webhook-secret`,
  deliveryLog: (jobId: string): string => `${PREFIX}:job:${jobId}:deliveries`,
};
