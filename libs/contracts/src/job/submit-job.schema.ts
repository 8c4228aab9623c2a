import { z } from 'zod';
import { checkJobInput } from './check-job-input.js';
import { jobInputFieldsSchema } from './job-input.schema.js';

export const MAX_METADATA_PAIRS = 16;
/** Shortest time that may be asked for a result to be kept, but for 0: gone once fetched. */
export const MIN_TTL_S = 60;
/** Longest time a result may be kept: 90 days. */
export const MAX_TTL_S = 7_776_000;
export const DEFAULT_TTL_S = 86_400;
export const DEFAULT_PRIORITY = 5;

export const jobInputSchema = jobInputFieldsSchema.superRefine(checkJobInput);

/** Events that tell a job's end. */
export const FINAL_EVENT_TYPES = ['job.succeeded', 'job.failed', 'job.cancelled', 'job.expired'] as const;
export const WEBHOOK_EVENT_TYPES = ['job.started', ...FINAL_EVENT_TYPES] as const;
export type WebhookEventType = (typeof WEBHOOK_EVENT_TYPES)[number];

/** Scheme and length alone; where it leads is for the delivery to judge. */
export const webhookUrlSchema = z.url({ protocol: /^https?$/ }).max(2048);
export const webhookEventsSchema = z
  .array(z.enum(WEBHOOK_EVENT_TYPES))
  .min(1)
  .max(WEBHOOK_EVENT_TYPES.length);

export const webhookTargetSchema = z.union([
  webhookUrlSchema.transform((url) => ({ url })),
  z.strictObject({
    url: webhookUrlSchema,
    events: webhookEventsSchema.optional(),
    secret: z
      .string()
      .regex(/^whsec_[A-Za-z0-9+/]{32,88}={0,2}$/, 'a secret is `whsec_` and the base64 of 24 to 64 bytes')
      .optional(),
  }),
]);

/** Where a job's events go. Without `events`, every final event; without `secret`, the service's own. */
export interface WebhookTarget {
  readonly url: string;
  readonly events?: readonly WebhookEventType[] | undefined;
  readonly secret?: string | undefined;
}

export const submitJobSchema = z.strictObject({
  model: z.string().min(1).max(128).describe('`name` or `name:variant`'),
  variant: z
    .string()
    .min(1)
    .max(32)
    .optional()
    .describe('A variant such as `6_5`, or `auto` (default): the best served one with the shortest queue.'),
  input: jobInputSchema,
  webhook: webhookTargetSchema.optional(),
  metadata: z
    .record(z.string().min(1).max(64), z.string().max(512))
    .refine((pairs) => Object.keys(pairs).length <= MAX_METADATA_PAIRS, `at most ${MAX_METADATA_PAIRS} pairs`)
    .optional(),
  priority: z.int().min(1).max(9).optional().describe('1 runs first, 9 last; default 5.'),
  start_by: z.iso
    .datetime({ offset: true })
    .optional()
    .describe('Expire the job if it has not started by then.'),
  timeout_s: z
    .number()
    .gt(0)
    .max(86_400)
    .optional()
    .describe('Longest running time; the partial text is kept.'),
  ttl_s: z
    .union([z.literal(0), z.int().min(MIN_TTL_S).max(MAX_TTL_S)])
    .optional()
    .describe(
      'How long the result is kept after the end: 0, or 60 to 7776000. 0 removes it as soon as it is fetched. Default 86400.',
    ),
  wait_for_worker: z
    .boolean()
    .optional()
    .describe('Queue the job even when no live worker serves the variant.'),
});

export type SubmitJobRequest = z.infer<typeof submitJobSchema>;
