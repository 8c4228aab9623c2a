import { setTimeout as sleep } from 'node:timers/promises';
import { EventSourceParserStream } from 'eventsource-parser/stream';
import { JOBS_PATH, type ApiErrorBody, type JobView, type SubmitJobRequest } from '#contracts';
import type { StreamEvent } from './job-facts.js';

const ANSWER_WITHIN_MS = 5_000;
const TRY_AGAIN_MS = 150;

interface Answer {
  readonly status: number;
  readonly body: string;
}

interface Call {
  readonly method?: 'GET' | 'POST' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly waitS?: number;
}

/** A client that outlives the API: whatever fails in passing is asked again until it is answered. */
export class ChaosClient {
  /** How often each kind of error was answered, and how often nobody did. */
  readonly errors = new Map<string, number>();

  constructor(
    readonly baseUrl: string,
    /** Ends every call that is still without an answer. */
    private readonly signal: AbortSignal,
  ) {}

  async submit(job: SubmitJobRequest, idempotencyKey: string): Promise<JobView> {
    const answer = await this.#answer(JOBS_PATH, {
      method: 'POST',
      headers: { 'idempotency-key': idempotencyKey },
      body: job,
    });
    if (answer.status !== 202) throw unexpected('POST', JOBS_PATH, answer);
    return JSON.parse(answer.body);
  }

  /** Null where the service knows no such job. */
  async job(id: string, waitS = 0): Promise<JobView | null> {
    const path = `${JOBS_PATH}/${id}?wait=${waitS}`;
    const answer = await this.#answer(path, { waitS });
    if (answer.status === 404) return null;
    if (answer.status !== 200) throw unexpected('GET', path, answer);
    return JSON.parse(answer.body);
  }

  /** An ended job refuses it, which is as good. */
  async cancel(id: string): Promise<void> {
    const answer = await this.#answer(`${JOBS_PATH}/${id}`, { method: 'DELETE' });
    if (![200, 202, 409].includes(answer.status)) throw unexpected('DELETE', id, answer);
  }

  async post<T>(path: string, body: unknown): Promise<T> {
    const answer = await this.#answer(path, { method: 'POST', body });
    if (answer.status >= 300) throw unexpected('POST', path, answer);
    return JSON.parse(answer.body);
  }

  /** Waits, unless the run is over. */
  async pause(forMs: number): Promise<void> {
    await sleep(forMs, undefined, { signal: this.signal });
  }

  async text(path: string): Promise<string> {
    return (await this.#answer(path, {})).body;
  }

  /** One connection's events of a job after `lastId`; it just ends when the connection breaks. */
  async *events(id: string, lastId: string | undefined, leave: AbortSignal): AsyncGenerator<StreamEvent> {
    try {
      const response = await fetch(`${this.baseUrl}${JOBS_PATH}/${id}/events`, {
        headers: lastId === undefined ? {} : { 'last-event-id': lastId },
        signal: AbortSignal.any([this.signal, leave]),
      });
      if (response.status !== 200 || response.body === null) {
        this.#count(`GET events ${response.status}`);
        await response.body?.cancel();
        return;
      }
      const messages = response.body
        .pipeThrough(new TextDecoderStream())
        .pipeThrough(new EventSourceParserStream());
      for await (const { id: eventId = '', event: type = '', data } of messages) {
        yield { id: eventId, type, data: JSON.parse(data) };
      }
    } catch {
      if (!leave.aborted) this.#count('GET events broken');
    }
  }

  async #answer(path: string, call: Call): Promise<Answer> {
    for (;;) {
      this.signal.throwIfAborted();
      const answer = await this.#once(path, call);
      if (answer !== undefined) {
        const code = answer.status < 400 ? null : errorCodeIn(answer.body);
        if (code === null) return answer;
        this.#count(`${call.method ?? 'GET'} ${answer.status} ${code}`);
        if (!mayPass(answer.status, code)) return answer;
      }
      await this.pause(TRY_AGAIN_MS);
    }
  }

  /** Undefined where the API is away, or gone before its answer was whole. */
  async #once(path: string, { method = 'GET', headers = {}, body, waitS = 0 }: Call) {
    const timeout = AbortSignal.timeout(waitS * 1_000 + ANSWER_WITHIN_MS);
    try {
      const response = await fetch(`${this.baseUrl}${path}`, {
        method,
        headers: body === undefined ? headers : { ...headers, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.any([this.signal, timeout]),
      });
      return { status: response.status, body: await response.text() };
    } catch {
      this.#count(`${method} unanswered`);
      return undefined;
    }
  }

  #count(error: string): void {
    this.errors.set(error, (this.errors.get(error) ?? 0) + 1);
  }
}

function mayPass(status: number, code: string): boolean {
  return status >= 500 || status === 429 || code === 'idempotency_in_progress';
}

function errorCodeIn(body: string): string {
  try {
    const { error }: ApiErrorBody = JSON.parse(body);
    return error.code ?? 'no code';
  } catch {
    return 'no error body';
  }
}

function unexpected(method: string, path: string, { status, body }: Answer): Error {
  return new Error(`${method} ${path} was answered with ${status}: ${body.slice(0, 300)}`);
}
