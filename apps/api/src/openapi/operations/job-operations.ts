import {
  deadLettersQuerySchema,
  eventsQuerySchema,
  listQuerySchema,
  waitQuerySchema,
} from '../../jobs/job-queries.js';
import type { Operation } from './operation.js';

const prefer = {
  Prefer: '`wait=n` holds the answer until the job has ended, n seconds at most (RFC 7240; up to 300).',
};
const preferenceApplied = { 'Preference-Applied': 'The wait that was applied, when `Prefer` asked for one.' };
const retryAfter = { 'Retry-After': 'Seconds after which to look again.' };

export const JOB_OPERATIONS: readonly Operation[] = [
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
    method: 'POST',
    path: '/v1/jobs/:id/retry',
    id: 'retryJob',
    tag: 'Jobs',
    summary: 'Run a job again that ended without success',
    description:
      'A failed, expired, cancelled or quarantined job goes back to its queue under its id and runs from its prompt; text, usage and error of the run before are gone. ' +
      'Attempts go on counting, and event ids go on ascending: a client that holds the last id of the old run resumes into the new one. `start_by` is not asked for again. ' +
      'Of several retries at once one is taken and the others get 409. The limits of a new job hold.',
    needsKey: true,
    query: waitQuerySchema,
    headers: prefer,
    body: 'RetryJob',
    bodyIsOptional: true,
    answers: {
      200: {
        description: 'The job has ended within the time to wait.',
        schema: 'Job',
        headers: preferenceApplied,
      },
      202: {
        description: 'The job is queued again.',
        schema: 'Job',
        headers: { Location: 'Path of the job.', ...retryAfter, ...preferenceApplied },
      },
    },
    errors: [400, 404, 409, 413, 415, 429],
  },
  {
    method: 'GET',
    path: '/v1/dead_letters',
    id: 'listDeadLetters',
    tag: 'Jobs',
    summary: 'List quarantined jobs, the latest first',
    description:
      'Jobs whose workers died over them: each has `error.code` `quarantined` and, in `error.deaths`, how they died. ' +
      'A job leaves the list when it is retried or its result expires.',
    needsKey: true,
    query: deadLettersQuerySchema,
    answers: { 200: { description: 'One page of the jobs of this API key.', schema: 'JobPage' } },
    errors: [400],
  },
  {
    method: 'GET',
    path: '/v1/jobs/:id/events',
    id: 'streamJobEvents',
    tag: 'Jobs',
    summary: "Follow a job's tokens and status",
    description:
      'Server-sent events: `status` `{status, attempt, position?}`, `token` `{index, text, n, logprobs?, finish_reason?}` and at last `done` with the job. ' +
      'Event ids are `<attempt>-<n>` and ascend for ever: a job whose worker was lost goes on where its text stands, and a retry ' +
      'begins with `status` `queued` after the last id of the run before. A reader that takes nothing for 30 s is dropped and resumes by its last id.',
    needsKey: true,
    query: eventsQuerySchema,
    headers: { 'Last-Event-ID': 'Id of the last event seen; the stream resumes after it.' },
    answers: {
      200: { description: 'The events, as they come.', mediaType: 'text/event-stream' },
      204: { description: 'The job has ended and every event was seen.' },
    },
    errors: [400, 404, 429],
  },
];
