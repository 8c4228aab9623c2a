import { submitJobSchema } from '#contracts';
import { z } from 'zod';
import { retryJobSchema } from '../jobs/job-queries.js';
import { OPERATIONS } from './operations.js';
import type { AnswerSpec, Operation, SchemaName } from './operations/operation.js';
import {
  errorSchema,
  jobPageSchema,
  jobSchema,
  modelPageSchema,
  modelSchema,
  readySchema,
} from './response-schemas.js';
import {
  deliveryPageSchema,
  deliverySchema,
  redeliverySchema,
  webhookEndpointListSchema,
  webhookEndpointSchema,
  webhookEndpointWithSecretSchema,
} from './webhook-schemas.js';
import {
  createWebhookEndpointSchema,
  redeliverSchema,
  rotateSecretSchema,
  updateWebhookEndpointSchema,
} from '../webhooks/webhook-requests.js';

type Json = Record<string, unknown>;

const SCHEMAS: Readonly<Record<SchemaName, z.ZodType>> = {
  SubmitJob: submitJobSchema,
  RetryJob: retryJobSchema,
  Job: jobSchema,
  JobPage: jobPageSchema,
  CreateWebhookEndpoint: createWebhookEndpointSchema,
  UpdateWebhookEndpoint: updateWebhookEndpointSchema,
  RotateSecret: rotateSecretSchema,
  WebhookEndpoint: webhookEndpointSchema,
  WebhookEndpointWithSecret: webhookEndpointWithSecretSchema,
  WebhookEndpointList: webhookEndpointListSchema,
  Redeliver: redeliverSchema,
  Redelivery: redeliverySchema,
  DeliveryAttempt: deliverySchema,
  DeliveryPage: deliveryPageSchema,
  Model: modelSchema,
  ModelPage: modelPageSchema,
  Error: errorSchema,
  Ready: readySchema,
};

const ERROR_MEANINGS: Readonly<Record<number, string>> = {
  400: 'The request is not valid; `param` names the field.',
  401: 'No known API key.',
  404: 'There is no such thing, or it belongs to another API key.',
  409: 'The job, the idempotency key or the list of webhook endpoints is in a state that does not allow this.',
  413: 'The body is too large.',
  415: 'The body is not JSON.',
  422: 'The idempotency key was used with another body.',
  429: 'A bound is reached; `Retry-After` says when to try again.',
  503: 'The queue cannot be reached, no worker is live, or the server is shutting down.',
};

/** The OpenAPI 3.1 document of `OPERATIONS`, with schemas from the zod schemas that the routes parse by. */
export function buildOpenApi(version: string): Json {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Drover',
      version,
      description: 'Queue text generation jobs for quantized LLaMA-family models and get their results.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: [{ name: 'Jobs' }, { name: 'Webhooks' }, { name: 'Models' }, { name: 'Service' }],
    paths: buildPaths(),
    components: {
      securitySchemes: { apiKey: { type: 'http', scheme: 'bearer', description: 'An API key.' } },
      schemas: buildSchemas(),
    },
  };
}

function buildPaths(): Json {
  const byPath = Map.groupBy(OPERATIONS, (operation) => toOpenApiPath(operation.path));
  return Object.fromEntries(
    [...byPath].map(([path, operations]) => [
      path,
      Object.fromEntries(
        operations.map((operation) => [operation.method.toLowerCase(), describe(operation)]),
      ),
    ]),
  );
}

function describe(operation: Operation): Json {
  const errors = [...(operation.errors ?? []), ...(operation.needsKey ? [401] : []), 503].toSorted(
    (a, b) => a - b,
  );
  return {
    operationId: operation.id,
    tags: [operation.tag],
    summary: operation.summary,
    ...(operation.description === undefined ? {} : { description: operation.description }),
    security: operation.needsKey ? [{ apiKey: [] }] : [],
    parameters: [
      ...pathParameters(operation.path),
      ...queryParameters(operation),
      ...headerParameters(operation),
    ],
    ...requestBody(operation),
    responses: {
      ...Object.fromEntries(
        Object.entries(operation.answers).map(([status, spec]) => [status, answer(spec)]),
      ),
      ...Object.fromEntries(
        errors.map((status) => [
          status,
          answer({ description: ERROR_MEANINGS[status] ?? '', schema: 'Error' }),
        ]),
      ),
    },
  };
}

function requestBody({ body, bodyIsOptional }: Operation): Json {
  if (body === undefined) return {};
  const media = { 'application/json': { schema: refTo(body) } };
  return { requestBody: { required: bodyIsOptional !== true, content: media } };
}

function answer(spec: AnswerSpec): Json {
  const headers = { 'x-request-id': 'Echoed where the caller sent one.', ...spec.headers };
  return {
    description: spec.description,
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, description]) => [
        name,
        { description, schema: { type: 'string' } },
      ]),
    ),
    ...content(spec),
  };
}

function content({ schema, mediaType }: AnswerSpec): Json {
  if (schema !== undefined) return { content: { 'application/json': { schema: refTo(schema) } } };
  if (mediaType === undefined) return {};
  return {
    content: { [mediaType]: { schema: { type: mediaType === 'application/json' ? 'object' : 'string' } } },
  };
}

function pathParameters(path: string): readonly Json[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
}

function queryParameters({ query }: Operation): readonly Json[] {
  if (query === undefined) return [];
  const { properties = {} } = toJsonSchema(query, 'output') as { properties?: Record<string, Json> };
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: 'query',
    required: false,
    ...(description === undefined ? {} : { description }),
    schema,
  }));
}

function headerParameters({ headers = {} }: Operation): readonly Json[] {
  return Object.entries(headers).map(([name, description]) => ({
    name,
    in: 'header',
    required: false,
    description,
    schema: { type: 'string' },
  }));
}

/** Schemas that contain one another refer to each other by name. */
function buildSchemas(): Json {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(SCHEMAS)) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, { io: 'input', uri: refPathTo });
  return Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, withoutIdentity(schema)]));
}

function toJsonSchema(schema: z.ZodType, io: 'input' | 'output'): Json {
  return withoutIdentity(z.toJSONSchema(schema, { io }));
}

function withoutIdentity({ $schema: _schema, $id: _id, ...rest }: Json): Json {
  return rest;
}

function refTo(name: SchemaName): Json {
  return { $ref: refPathTo(name) };
}

function refPathTo(name: string): string {
  return `#/components/schemas/${name}`;
}

/** `/v1/jobs/:id` → `/v1/jobs/{id}` */
function toOpenApiPath(path: string): string {
  return path.replaceAll(/:(\w+)/g, '{$1}');
}
