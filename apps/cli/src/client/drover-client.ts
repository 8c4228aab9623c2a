import type { ApiErrorBody, JobView } from '#contracts';
import { readJobEvents, type JobStreamEvent } from './job-events.js';

/** A part of what `GET /v1/models` tells. */
export interface ServedModel {
  readonly id: string;
  readonly variants: readonly {
    readonly variant: string;
    readonly bits_per_weight: number;
    readonly workers: { readonly live: number; readonly slots: number };
  }[];
}

/** The API answered with an error. */
export class ApiAnswerError extends Error {
  override readonly name = 'ApiAnswerError';

  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** No API answers, or it left in the middle of an answer. */
export class ApiAwayError extends Error {
  override readonly name = 'ApiAwayError';
}

export interface ClientOptions {
  readonly baseUrl: string;
  readonly apiKey?: string | undefined;
}

/** Longest time for one answer, waiting for a job aside. */
const ANSWER_WITHIN_MS = 10_000;

/** The job API as this command line uses it. Every call takes a signal and ends in bounded time. */
export class DroverClient {
  readonly #baseUrl: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor({ baseUrl, apiKey }: ClientOptions) {
    this.#baseUrl = baseUrl;
    this.#headers = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
  }

  async isReady(signal?: AbortSignal): Promise<boolean> {
    try {
      await this.#call('GET', '/readyz', { signal });
      return true;
    } catch {
      return false;
    }
  }

  async models(signal?: AbortSignal): Promise<readonly ServedModel[]> {
    const page = await this.#json<{ data: readonly ServedModel[] }>('GET', '/v1/models', { signal });
    return page.data;
  }

  /** With the same idempotency key, a second submission of the same job gives the first one. */
  submit(
    job: Readonly<Record<string, unknown>>,
    signal?: AbortSignal,
    idempotencyKey?: string,
  ): Promise<JobView> {
    const headers = idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey };
    return this.#json('POST', '/v1/jobs', { body: job, headers, signal });
  }

  /** The job, once it has ended or `waitS` seconds have passed. */
  job(id: string, waitS = 0, signal?: AbortSignal): Promise<JobView> {
    const path = `/v1/jobs/${encodeURIComponent(id)}?wait=${waitS}`;
    return this.#json('GET', path, { signal, extraMs: waitS * 1000 });
  }

  cancel(id: string, signal?: AbortSignal): Promise<JobView> {
    return this.#json('DELETE', `/v1/jobs/${encodeURIComponent(id)}`, { signal });
  }

  /** Runs a job once more that failed, expired or was cancelled. */
  retry(id: string, signal?: AbortSignal): Promise<JobView> {
    return this.#json('POST', `/v1/jobs/${encodeURIComponent(id)}/retry`, { signal });
  }

  /** What happens to the job, from its start, or after event `afterId`, to its end. */
  async *events(id: string, signal?: AbortSignal, afterId?: string): AsyncGenerator<JobStreamEvent> {
    const path = `/v1/jobs/${encodeURIComponent(id)}/events`;
    const resume = afterId === undefined ? {} : { 'last-event-id': afterId };
    const response = await this.#fetch(path, {
      headers: { ...this.#headers, ...resume, accept: 'text/event-stream' },
      ...(signal === undefined ? {} : { signal }),
    });
    if (!response.ok || response.body === null) throw await errorOf(response);
    try {
      yield* readJobEvents(response.body);
    } catch (error) {
      throw this.#awayOr(error);
    }
  }

  /** Prometheus text of the API. */
  metrics(signal?: AbortSignal): Promise<string> {
    return this.#call('GET', '/metrics', { signal });
  }

  async #fetch(path: string, init: RequestInit): Promise<Response> {
    try {
      return await fetch(new URL(path, this.#baseUrl), init);
    } catch (error) {
      throw this.#awayOr(error);
    }
  }

  /** undici's "fetch failed" and "terminated" keep to themselves what did. */
  #awayOr(error: unknown): unknown {
    if (!(error instanceof TypeError)) return error;
    const cause = error.cause instanceof Error ? error.cause.message || error.cause.name : error.message;
    return new ApiAwayError(
      `No API answers at ${this.#baseUrl} (${cause}). Start one with \`npm start\`, or name one with --url.`,
      { cause: error },
    );
  }

  async #json<T>(method: string, path: string, options: CallOptions): Promise<T> {
    return JSON.parse(await this.#call(method, path, options));
  }

  async #call(method: string, path: string, options: CallOptions): Promise<string> {
    const { body, headers, signal, extraMs = 0 } = options;
    const timeout = AbortSignal.timeout(ANSWER_WITHIN_MS + extraMs);
    const response = await this.#fetch(path, {
      method,
      headers: {
        ...this.#headers,
        ...headers,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      signal: signal === undefined ? timeout : AbortSignal.any([timeout, signal]),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw await errorOf(response);
    return response.text();
  }
}

interface CallOptions {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  readonly extraMs?: number;
}

async function errorOf(response: Response): Promise<ApiAnswerError> {
  const text = await response.text();
  return new ApiAnswerError(
    response.status,
    messageIn(text) ?? `the API answered ${response.status}: ${text}`,
  );
}

function messageIn(text: string): string | undefined {
  try {
    const body: Partial<ApiErrorBody> = JSON.parse(text);
    return body.error?.message;
  } catch {
    return undefined;
  }
}
