import {
  ENGINE_FAULTS,
  JOB_FAILURE_CODES,
  JOB_STATUSES,
  toolCallSchema,
  type ApiErrorBody,
  type JobView,
} from '#contracts';
import { z } from 'zod';
import type { ModelPage, ModelView } from '../models/model-view.js';
import type { JobPage } from '../jobs/jobs.service.js';

/** Shapes of what the service answers, for the OpenAPI document; the contract's types hold them in line. */

const time = z.iso.datetime().describe('ISO 8601 with milliseconds, UTC.');
const count = z.int().min(0);
const milliseconds = z.number().min(0);
const seconds = z.number().min(0);

const workerDeathSchema = z.strictObject({
  worker: z.string(),
  at: time,
  signal: z.string().nullable(),
  exit_code: z.int().nullable(),
  memory_bytes: count.nullable().describe('Resident memory shortly before.'),
  last_step: z.string().nullable(),
  jobs_in_step: count,
});

const tokenLogprob = {
  token: z.string(),
  logprob: z.number().describe('Natural logarithm, by the model alone, before any sampling rule.'),
  bytes: z.array(z.int().min(0).max(255)),
};

const tokenLogprobsSchema = z.strictObject({
  ...tokenLogprob,
  logprob: tokenLogprob.logprob.nullable().describe("Null of an echoed prompt's first token."),
  top_logprobs: z.array(z.strictObject(tokenLogprob)),
});

const choiceCommon = {
  index: count,
  finish_reason: z.enum(['stop', 'length', 'tool_calls', 'cancelled', 'deadline', 'error']),
  logprobs: z.strictObject({ content: z.array(tokenLogprobsSchema) }).nullable(),
};

const choiceSchema = z.union([
  z.strictObject({
    ...choiceCommon,
    message: z.strictObject({
      role: z.literal('assistant'),
      content: z.string().nullable().describe('Null where the model said nothing beside its calls.'),
      tool_calls: z.array(toolCallSchema).exactOptional(),
    }),
  }),
  z.strictObject({ ...choiceCommon, text: z.string() }),
]);

export const jobSchema = z.strictObject({
  id: z.string(),
  object: z.literal('job'),
  status: z.enum(JOB_STATUSES),
  model: z.string(),
  variant: z.string(),
  created_at: time,
  started_at: time.nullable(),
  finished_at: time.nullable(),
  attempt: count.describe("Number of the worker's try that holds or held the job; 0 before the first."),
  priority: z.int().min(1).max(9),
  queue: z
    .strictObject({
      position: z.int().min(1).describe('1 = next to run.'),
      eta_s: z
        .strictObject({ low: seconds, expected: seconds, high: seconds })
        .nullable()
        .describe(
          'Seconds until it starts. Null where no worker serves the variant or nothing was measured yet.',
        ),
    })
    .exactOptional()
    .describe('Only while the job is queued.'),
  output: z
    .strictObject({ choices: z.array(choiceSchema) })
    .nullable()
    .describe('Partial where the job was cancelled, expired or failed.'),
  usage: z
    .strictObject({
      prompt_tokens: count,
      completion_tokens: count,
      total_tokens: count,
      prompt_tokens_details: z.strictObject({ cached_tokens: count }),
    })
    .nullable(),
  timings: z
    .strictObject({
      queue_ms: milliseconds,
      time_to_first_token_ms: milliseconds.nullable(),
      prefill_ms: milliseconds,
      decode_ms: milliseconds,
      total_ms: milliseconds,
      tokens_per_second: z.number().min(0).nullable(),
    })
    .nullable(),
  error: z
    .strictObject({
      code: z.enum(JOB_FAILURE_CODES),
      message: z.string(),
      reason: z.enum(ENGINE_FAULTS).exactOptional().describe('Only of an `engine_error`: what failed.'),
      deaths: z
        .array(workerDeathSchema)
        .exactOptional()
        .describe('Only of a quarantined job: the deaths of workers that are blamed on it.'),
    })
    .nullable(),
  metadata: z.record(z.string(), z.string()),
  urls: z.strictObject({ self: z.string(), events: z.string(), cancel: z.string() }),
}) satisfies z.ZodType<JobView>;

export const jobPageSchema = z.strictObject({
  object: z.literal('list'),
  data: z.array(jobSchema),
  first_id: z.string().nullable(),
  last_id: z.string().nullable(),
  has_more: z.boolean(),
}) satisfies z.ZodType<JobPage>;

export const modelSchema = z.strictObject({
  id: z.string(),
  object: z.literal('model'),
  created: count.describe('Unix seconds.'),
  owned_by: z.string(),
  context_tokens: count.nullable(),
  licence: z.string().nullable(),
  limits: z.string().nullable().describe('What the model is not fit for, from its card.'),
  variants: z.array(
    z.strictObject({
      id: z.string().describe('`model:variant`, which `model` of a job takes.'),
      variant: z.string(),
      bits_per_weight: z.number(),
      on_disk: z.boolean().describe('Built on the disk this server sees.'),
      file_bytes: count.nullable(),
      memory_bytes_per_worker: count.nullable().describe('Estimate for 8 slots of full context.'),
      quality: z
        .strictObject({ kl_nats_per_token: z.number(), top1_agreement: z.number(), tokens: count })
        .nullable()
        .describe('Against the float32 model.'),
      workers: z.strictObject({
        live: count,
        slots: count,
        slots_used: count,
        context_tokens: count.nullable(),
        tokens_per_second: z.number(),
        devices: z
          .array(
            z.strictObject({
              worker: z.string(),
              device: z.string().describe('`cpu`, `webgpu:0`, `cuda:1`.'),
              gpu: z
                .strictObject({ uuid: z.string(), name: z.string(), driver: z.string(), memory_bytes: count })
                .nullable()
                .describe('Null on the CPU, and where the GPU cannot be looked at.'),
            }),
          )
          .describe('What each of them runs on.'),
      }),
    }),
  ),
}) satisfies z.ZodType<ModelView>;

export const modelPageSchema = z.strictObject({
  object: z.literal('list'),
  data: z.array(modelSchema),
}) satisfies z.ZodType<ModelPage>;

export const errorSchema = z.strictObject({
  error: z.strictObject({
    message: z.string(),
    type: z.enum([
      'invalid_request_error',
      'authentication_error',
      'not_found_error',
      'conflict_error',
      'rate_limit_error',
      'unavailable_error',
      'server_error',
    ]),
    param: z.string().nullable().describe('The request field at fault, such as `input.temperature`.'),
    code: z.enum([
      'invalid_json',
      'invalid_value',
      'unknown_field',
      'missing_field',
      'unsupported_parameter',
      'context_length_exceeded',
      'invalid_api_key',
      'job_not_found',
      'webhook_endpoint_not_found',
      'webhook_delivery_not_found',
      'model_not_found',
      'variant_not_found',
      'route_not_found',
      'method_not_allowed',
      'job_already_finished',
      'job_not_finished',
      'job_succeeded',
      'too_many_webhook_endpoints',
      'idempotency_in_progress',
      'idempotency_key_reused',
      'payload_too_large',
      'unsupported_media_type',
      'queue_full',
      'too_many_streams',
      'no_worker',
      'queue_unavailable',
      'draining',
      'internal_error',
    ]),
  }),
}) satisfies z.ZodType<ApiErrorBody>;

export const readySchema = z.strictObject({
  status: z.literal('ready'),
  store: z.strictObject({
    kind: z.enum(['redis', 'valkey', 'embedded-js']),
    version: z.string(),
    durable: z.boolean(),
  }),
});
