import type { z } from 'zod';

/** Names of the schemas under `#/components/schemas`. */
export type SchemaName =
  | 'SubmitJob'
  | 'RetryJob'
  | 'Job'
  | 'JobPage'
  | 'CreateWebhookEndpoint'
  | 'UpdateWebhookEndpoint'
  | 'RotateSecret'
  | 'WebhookEndpoint'
  | 'WebhookEndpointWithSecret'
  | 'WebhookEndpointList'
  | 'Redeliver'
  | 'Redelivery'
  | 'DeliveryAttempt'
  | 'DeliveryPage'
  | 'Model'
  | 'ModelPage'
  | 'Error'
  | 'Ready';

export interface AnswerSpec {
  readonly description: string;
  /** JSON of this schema, or text of this media type; neither for an empty body. */
  readonly schema?: SchemaName;
  readonly mediaType?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One route in the words of the OpenAPI document. Paths as Fastify writes them. */
export interface Operation {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly id: string;
  readonly tag: 'Jobs' | 'Webhooks' | 'Models' | 'Service';
  readonly summary: string;
  readonly description?: string;
  readonly needsKey: boolean;
  readonly query?: z.ZodObject;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: SchemaName;
  /** No body is as good as an empty one. */
  readonly bodyIsOptional?: true;
  readonly answers: Readonly<Record<number, AnswerSpec>>;
  /** Statuses of errors that this route gives besides the ones that every route may give. */
  readonly errors?: readonly number[];
}
