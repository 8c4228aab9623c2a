import { JOB_STATUSES, MODEL_NAME, VARIANT_NAME, DroverError } from '#contracts';
import { z } from 'zod';
import { waitQuery } from '../http/wait-preference.js';

const jobId = z.string().regex(/^job_[A-Za-z0-9_-]{1,64}$/, 'not the id of a job');

export const waitQuerySchema = z.strictObject(waitQuery);

/** Body of a retry; none is as good as an empty one. */
export const retryJobSchema = z.strictObject({
  wait_for_worker: z
    .boolean()
    .optional()
    .describe('Queue the job even when no live worker serves its variant.'),
});

export const eventsQuerySchema = z.strictObject({
  after: z.string().max(64).optional().describe('Id of the last event seen; wins over `Last-Event-ID`.'),
});

const limit = z.coerce.number().int().min(1).max(100).default(20);

export const deadLettersQuerySchema = z.strictObject({
  limit,
  after: z
    .string()
    .regex(/^\d{1,15}_job_[A-Za-z0-9_-]{1,64}$/, 'not the `last_id` of a page')
    .optional()
    .describe('`last_id` of the page before.'),
});

export const listQuerySchema = z.strictObject({
  limit,
  after: jobId.optional().describe('`last_id` of the page before.'),
  status: z.enum(JOB_STATUSES).optional(),
  model: z.string().regex(MODEL_NAME, 'not the name of a model').optional(),
  variant: z.string().regex(VARIANT_NAME, 'variants are named like 6_5').optional(),
});

export type WaitQuery = z.output<typeof waitQuerySchema>;
export type RetryJobRequest = z.output<typeof retryJobSchema>;
export type EventsQuery = z.output<typeof eventsQuerySchema>;
export type DeadLettersQuery = z.output<typeof deadLettersQuerySchema>;
export type ListQuery = z.output<typeof listQuerySchema>;

/** Same words for a job that never was, that has expired and that another key owns. */
export function jobNotFound(id: string): DroverError {
  return new DroverError(
    'job_not_found',
    `There is no job \`${id.slice(0, 80)}\`. Results are kept for the job's \`ttl_s\`; GET /v1/jobs lists yours.`,
  );
}

/** An id that no job can have is answered without asking Redis. */
export function isJobId(id: string): boolean {
  return jobId.safeParse(id).success;
}
