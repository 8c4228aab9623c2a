/**
 * Every error that leaves the service has this body, on every route (the shape OpenAI clients parse).
 */
export interface ApiErrorBody {
  readonly error: {
    readonly message: string;
    readonly type: ApiErrorType;
    /** The request field at fault, as a path such as `input.temperature`; null when no field is. */
    readonly param: string | null;
    readonly code: ApiErrorCode | null;
  };
}

export type ApiErrorType =
  | 'invalid_request_error'
  | 'authentication_error'
  | 'not_found_error'
  | 'conflict_error'
  | 'rate_limit_error'
  | 'unavailable_error'
  | 'server_error';

/** Stable machine-readable causes; the HTTP status follows from the code alone. */
export type ApiErrorCode =
  | 'invalid_json'
  | 'invalid_value'
  | 'unknown_field'
  | 'missing_field'
  | 'unsupported_parameter'
  | 'context_length_exceeded'
  | 'invalid_api_key'
  | 'job_not_found'
  | 'webhook_endpoint_not_found'
  | 'webhook_delivery_not_found'
  | 'model_not_found'
  | 'variant_not_found'
  | 'route_not_found'
  | 'method_not_allowed'
  | 'job_already_finished'
  | 'job_not_finished'
  | 'job_succeeded'
  | 'too_many_webhook_endpoints'
  | 'idempotency_in_progress'
  | 'idempotency_key_reused'
  | 'payload_too_large'
  | 'unsupported_media_type'
  | 'queue_full'
  | 'too_many_streams'
  | 'no_worker'
  | 'queue_unavailable'
  | 'draining'
  | 'internal_error';

/**
 * A failure with a cause the caller can act on. Carries facts, never an HTTP object;
 * `describeErrorCode` is the one place that turns the code into a status.
 */
export class DroverError extends Error {
  override readonly name = 'DroverError';
  readonly code: ApiErrorCode;
  readonly param: string | null;
  /** Seconds after which a retry may succeed; sent as `Retry-After`. */
  readonly retryAfterS: number | undefined;

  constructor(
    code: ApiErrorCode,
    message: string,
    options: { param?: string; retryAfterS?: number; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.param = options.param ?? null;
    this.retryAfterS = options.retryAfterS;
  }
}

export interface ErrorCodeFacts {
  readonly httpStatus: number;
  readonly type: ApiErrorType;
}

/** HTTP status and OpenAI error type of a code. */
export function describeErrorCode(code: ApiErrorCode): ErrorCodeFacts {
  switch (code) {
    case 'invalid_json':
    case 'invalid_value':
    case 'unknown_field':
    case 'missing_field':
    case 'unsupported_parameter':
    case 'context_length_exceeded':
      return { httpStatus: 400, type: 'invalid_request_error' };
    case 'invalid_api_key':
      return { httpStatus: 401, type: 'authentication_error' };
    case 'job_not_found':
    case 'webhook_endpoint_not_found':
    case 'webhook_delivery_not_found':
    case 'model_not_found':
    case 'variant_not_found':
    case 'route_not_found':
      return { httpStatus: 404, type: 'not_found_error' };
    case 'method_not_allowed':
      return { httpStatus: 405, type: 'invalid_request_error' };
    case 'job_already_finished':
    case 'job_not_finished':
    case 'job_succeeded':
    case 'too_many_webhook_endpoints':
    case 'idempotency_in_progress':
      return { httpStatus: 409, type: 'conflict_error' };
    case 'payload_too_large':
      return { httpStatus: 413, type: 'invalid_request_error' };
    case 'unsupported_media_type':
      return { httpStatus: 415, type: 'invalid_request_error' };
    case 'idempotency_key_reused':
      return { httpStatus: 422, type: 'invalid_request_error' };
    case 'queue_full':
    case 'too_many_streams':
      return { httpStatus: 429, type: 'rate_limit_error' };
    case 'no_worker':
    case 'queue_unavailable':
    case 'draining':
      return { httpStatus: 503, type: 'unavailable_error' };
    case 'internal_error':
      return { httpStatus: 500, type: 'server_error' };
    default:
      return code satisfies never;
  }
}

export function toApiErrorBody(error: DroverError): ApiErrorBody {
  return {
    error: {
      message: error.message,
      type: describeErrorCode(error.code).type,
      param: error.param,
      code: error.code,
    },
  };
}
