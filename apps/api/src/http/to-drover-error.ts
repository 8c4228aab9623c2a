import { HttpException } from '@nestjs/common';
import { DroverError } from '#contracts';
import { allowedMethods, type Route } from './route-table.js';

export interface FailedRequest {
  readonly id: string;
  readonly method: string;
  /** Path without the query. */
  readonly path: string;
  readonly bodyLimitBytes: number;
  readonly routes: readonly Route[];
}

/** Whatever was thrown while a request was handled, as an error with a code. */
export function toDroverError(thrown: unknown, request: FailedRequest): DroverError {
  if (thrown instanceof DroverError) return thrown;
  const status = statusOf(thrown);
  if (status === 404 || status === 405) return noSuchRoute(request);
  if (status === 413) {
    return new DroverError(
      'payload_too_large',
      `The body is larger than ${request.bodyLimitBytes} bytes, the most this server takes. Send less.`,
    );
  }
  if (status === 415) {
    return new DroverError(
      'unsupported_media_type',
      'Send the body as JSON, with `content-type: application/json`.',
    );
  }
  if (status !== undefined && status >= 400 && status < 500) {
    return new DroverError('invalid_value', `The request could not be read: ${messageOf(thrown)}.`);
  }
  return new DroverError(
    'internal_error',
    `Something went wrong on the server. Its log has the reason under request id ${request.id}.`,
    { cause: thrown },
  );
}

/** Both Nest's exceptions and Fastify's errors tell their status. */
function statusOf(thrown: unknown): number | undefined {
  if (thrown instanceof HttpException) return thrown.getStatus();
  if (thrown instanceof Error && 'statusCode' in thrown && typeof thrown.statusCode === 'number') {
    return thrown.statusCode;
  }
  return undefined;
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

function noSuchRoute({ method, path, routes }: FailedRequest): DroverError {
  const allowed = allowedMethods(routes, path);
  if (allowed.length === 0) {
    return new DroverError(
      'route_not_found',
      `There is no ${path} here. GET /openapi.json lists every route.`,
    );
  }
  return new DroverError('method_not_allowed', `${path} takes ${allowed.join(', ')}, not ${method}.`);
}
