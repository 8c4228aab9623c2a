import { webhookEventsSchema, webhookUrlSchema } from '#contracts';
import { DELIVERY_OUTCOMES } from '#webhooks';
import { z } from 'zod';

const DAY_S = 86_400;

const description = z.string().max(256).describe('For people; shown as it was given.');

export const createWebhookEndpointSchema = z.strictObject({
  url: webhookUrlSchema,
  events: webhookEventsSchema.optional().describe('Default: every event that tells the end of a job.'),
  description: description.optional(),
});

export const updateWebhookEndpointSchema = z.strictObject({
  url: webhookUrlSchema.optional(),
  events: webhookEventsSchema.optional(),
  description: description.optional(),
  enabled: z.boolean().optional().describe('`true` also lifts a disablement by failures.'),
});

/** Body of a rotation; none is as good as an empty one. */
export const rotateSecretSchema = z.strictObject({
  old_secret_expires_in_s: z
    .int()
    .min(0)
    .max(7 * DAY_S)
    .default(DAY_S)
    .describe('How long the old secret signs beside the new one: 0 to 604800; default 86400.'),
});

export const redeliverSchema = z
  .strictObject({
    since: z.iso.datetime({ offset: true }),
    until: z.iso.datetime({ offset: true }).optional().describe('Default: now.'),
    include: z
      .enum(['failed', 'all'])
      .optional()
      .describe('`failed` (default): those that never arrived. `all`: those that did, too.'),
  })
  .refine(({ since, until }) => until === undefined || Date.parse(since) <= Date.parse(until), {
    path: ['until'],
    message: 'it is before `since`',
  });

export const deliveriesQuerySchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(100).default(20),
  after: z
    .string()
    .regex(/^\d{1,15}-\d{1,15}$/, 'not the `last_id` of a page')
    .optional()
    .describe('`last_id` of the page before.'),
  outcome: z.enum(DELIVERY_OUTCOMES).optional(),
});

export type RedeliverRequest = z.output<typeof redeliverSchema>;
export type DeliveriesQuery = z.output<typeof deliveriesQuerySchema>;
export type CreateWebhookEndpointRequest = z.output<typeof createWebhookEndpointSchema>;
export type UpdateWebhookEndpointRequest = z.output<typeof updateWebhookEndpointSchema>;
export type RotateSecretRequest = z.output<typeof rotateSecretSchema>;
