import type { z } from 'zod';
import { eventsQuerySchema, listQuerySchema, waitQuerySchema } from '../jobs/job-queries.js';

/** Names of the schemas under `#/components/schemas`. */
export type SchemaName = 'SubmitJob' | 'Job' | 'JobPage' | 'Model' | 'ModelPage' | 'Error' | 'Ready';

export interface AnswerSpec {
  readonly description: string;
  /** JSON of this schema, or text of this media type; neither for an empty body. */
  readonly schema?: SchemaName;
  readonly mediaType?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One route in the words of the OpenAPI document. Paths as Fastify writes them. */
export interface Operation {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly id: string;
  readonly tag: 'Jobs' | 'Models' | 'Service';
  readonly summary: string;
  readonly description?: string;
  readonly needsKey: boolean;
  readonly query?: z.ZodObject;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: SchemaName;
  readonly answers: Readonly<Record<number, AnswerSpec>>;
  /** Statuses of errors that this route gives besides the ones that every route may give. */
  readonly errors?: readonly number[];
}

const prefer = {
  Prefer: '`wait=n` holds the answer until the job has ended, n seconds at most (RFC 7240; up to 300).',
};
const preferenceApplied = { 'Preference-Applied': 'The wait that was applied, when `Prefer` asked for one.' };
const retryAfter = { 'Retry-After': 'Seconds after which to look again.' };

export const OPERATIONS: readonly Operation[] = [
  {
    method: 'POST',
    path: '/v1/jobs',
    id: 'submitJob',
    tag: 'Jobs',
    summary: 'Submit a job',
    description:
      'Queues one request to generate. A job that no worker could ever serve is refused at once, with the reason and the numbers.',
    needsKey: true,
    query: waitQuerySchema,
    headers: {
      ...prefer,
      'Idempotency-Key':
        'Up to 255 visible ASCII characters. The same key and body within 24 hours give the job of the first request.',
    },
    body: 'SubmitJob',
    answers: {
      200: {
        description: 'The job has ended within the time to wait.',
        schema: 'Job',
        headers: preferenceApplied,
      },
      202: {
        description: 'The job is queued.',
        schema: 'Job',
        headers: {
          Location: 'Path of the job.',
          ...retryAfter,
          ...preferenceApplied,
          'Idempotent-Replayed': '`true` where an earlier request with the same key made the job.',
        },
      },
    },
    errors: [400, 404, 409, 413, 415, 422, 429],
  },
  {
    method: 'GET',
    path: '/v1/jobs',
    id: 'listJobs',
    tag: 'Jobs',
    summary: 'List jobs, newest first',
    needsKey: true,
    query: listQuerySchema,
    answers: { 200: { description: 'One page of the jobs of this API key.', schema: 'JobPage' } },
    errors: [400],
  },
  {
    method: 'GET',
    path: '/v1/jobs/:id',
    id: 'getJob',
    tag: 'Jobs',
    summary: 'Look at a job',
    needsKey: true,
    query: waitQuerySchema,
    headers: prefer,
    answers: {
      200: {
        description: 'The job as it stands.',
        schema: 'Job',
        headers: { ...retryAfter, ...preferenceApplied },
      },
    },
    errors: [400, 404],
  },
  {
    method: 'DELETE',
    path: '/v1/jobs/:id',
    id: 'cancelJob',
    tag: 'Jobs',
    summary: 'Cancel a job',
    description: 'A running job stops within one step of its engine and keeps its partial text.',
    needsKey: true,
    answers: {
      200: { description: 'The job is cancelled.', schema: 'Job' },
      202: { description: 'The job is being stopped.', schema: 'Job' },
    },
    errors: [404, 409],
  },
  {
    method: 'GET',
    path: '/v1/jobs/:id/events',
    id: 'streamJobEvents',
    tag: 'Jobs',
    summary: "Follow a job's tokens and status",
    description:
      'Server-sent events: `status` `{status, attempt, position?}`, `token` `{index, text, n}` and at last `done` with the job. ' +
      'Event ids are `<attempt>-<n>`. When the attempt in the id grows, the text starts anew: the worker before was lost.',
    needsKey: true,
    query: eventsQuerySchema,
    headers: { 'Last-Event-ID': 'Id of the last event seen; the stream resumes after it.' },
    answers: {
      200: { description: 'The events, as they come.', mediaType: 'text/event-stream' },
      204: { description: 'The job has ended and every event was seen.' },
    },
    errors: [400, 404, 429],
  },
  {
    method: 'GET',
    path: '/v1/models',
    id: 'listModels',
    tag: 'Models',
    summary: 'List models, their variants and live workers',
    needsKey: true,
    answers: { 200: { description: 'Every model on disk or served.', schema: 'ModelPage' } },
  },
  {
    method: 'GET',
    path: '/v1/models/:id',
    id: 'getModel',
    tag: 'Models',
    summary: 'Look at a model',
    needsKey: true,
    answers: { 200: { description: 'The model.', schema: 'Model' } },
    errors: [404],
  },
  {
    method: 'GET',
    path: '/healthz',
    id: 'health',
    tag: 'Service',
    summary: 'Whether the process lives',
    needsKey: false,
    answers: { 200: { description: 'It does.', mediaType: 'application/json' } },
  },
  {
    method: 'GET',
    path: '/readyz',
    id: 'readiness',
    tag: 'Service',
    summary: 'Whether requests can be served',
    needsKey: false,
    answers: { 200: { description: 'Redis answers and no shutdown has begun.', schema: 'Ready' } },
  },
  {
    method: 'GET',
    path: '/metrics',
    id: 'metrics',
    tag: 'Service',
    summary: 'Prometheus metrics',
    needsKey: false,
    answers: { 200: { description: 'Text exposition format.', mediaType: 'text/plain' } },
  },
  {
    method: 'GET',
    path: '/openapi.json',
    id: 'openapi',
    tag: 'Service',
    summary: 'This document',
    needsKey: false,
    answers: { 200: { description: 'OpenAPI 3.1.', mediaType: 'application/json' } },
  },
  {
    method: 'GET',
    path: '/docs',
    id: 'docs',
    tag: 'Service',
    summary: 'This document as a page',
    needsKey: false,
    answers: { 200: { description: 'HTML.', mediaType: 'text/html' } },
  },
];
