import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { isFinalJobStatus, type JobStatus, type JobView, type SubmitJobRequest } from '#contracts';

export interface JobEventLine {
  readonly id: string;
  readonly event: string;
  readonly data: {
    readonly status?: string;
    readonly index?: number;
    readonly text?: string;
    readonly n?: number;
    readonly finish_reason?: string;
    readonly logprobs?: readonly { readonly token: string; readonly logprob: number }[];
  };
}

/** The job API as a client outside sees it. */
export class DroverClient {
  readonly #headers: Record<string, string>;

  constructor(
    readonly url: string,
    apiKey?: string,
  ) {
    this.#headers = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
  }

  async submit(request: SubmitJobRequest): Promise<JobView> {
    const answer = await this.post('/v1/jobs', request);
    if (answer.status !== 202) throw new Error(`submit: ${answer.status} ${await answer.text()}`);
    return parseJob(await answer.text());
  }

  post(path: string, body: unknown): Promise<Response> {
    return fetch(`${this.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...this.#headers },
      body: JSON.stringify(body),
    });
  }

  async job(id: string, query = ''): Promise<JobView> {
    const answer = await fetch(`${this.url}/v1/jobs/${id}${query}`, { headers: this.#headers });
    if (answer.status !== 200) throw new Error(`job ${id}: ${answer.status} ${await answer.text()}`);
    return parseJob(await answer.text());
  }

  /** The cancelled or cancelling job's HTTP status. */
  async cancel(id: string): Promise<number> {
    const answer = await fetch(`${this.url}/v1/jobs/${id}`, { method: 'DELETE', headers: this.#headers });
    await answer.body?.cancel();
    return answer.status;
  }

  /** Ids of the jobs in a status, newest first. */
  async jobIds(status: JobStatus): Promise<string[]> {
    const answer = await fetch(`${this.url}/v1/jobs?limit=100&status=${status}`, {
      headers: this.#headers,
    });
    const page: { data: readonly JobView[] } = JSON.parse(await answer.text());
    return page.data.map(({ id }) => id);
  }

  async finalJob(id: string, timeoutS = 60): Promise<JobView> {
    const job = await this.job(id, `?wait=${timeoutS}`);
    if (!isFinalJobStatus(job.status)) throw new Error(`job ${id} is ${job.status} after ${timeoutS} s`);
    return job;
  }

  /** Waits until the job has published text. */
  async untilStreaming(id: string, timeoutMs = 30_000): Promise<void> {
    const stop = AbortSignal.timeout(timeoutMs);
    for await (const { event } of this.events(id, stop)) if (event === 'token') return;
    throw new Error(`job ${id} ended without a token`);
  }

  /** Every event of the job from its first, to its last. */
  async *events(id: string, signal?: AbortSignal): AsyncGenerator<JobEventLine> {
    const stop = new AbortController();
    const answer = await fetch(`${this.url}/v1/jobs/${id}/events`, {
      headers: this.#headers,
      signal: signal ? AbortSignal.any([signal, stop.signal]) : stop.signal,
    });
    if (answer.status !== 200 || !answer.body) throw new Error(`events of ${id}: ${answer.status}`);
    const ready: EventSourceMessage[] = [];
    const parser = createParser({ onEvent: (event) => ready.push(event) });
    try {
      for await (const text of answer.body.pipeThrough(new TextDecoderStream())) {
        parser.feed(text);
        for (let next = ready.shift(); next; next = ready.shift()) {
          yield {
            id: next.id ?? '',
            event: next.event ?? '',
            data: parseEventData(next.data),
          };
        }
      }
    } finally {
      stop.abort();
    }
  }

  async allEvents(id: string): Promise<JobEventLine[]> {
    const events: JobEventLine[] = [];
    for await (const event of this.events(id, AbortSignal.timeout(60_000))) events.push(event);
    return events;
  }
}

function parseJob(json: string): JobView {
  return JSON.parse(json);
}

function parseEventData(json: string): JobEventLine['data'] {
  return JSON.parse(json);
}

/** Text of the first choice, whether chat or prompt. */
export function textOf(job: JobView): string | undefined {
  return textsOf(job)[0];
}

export function textsOf({ output }: JobView): string[] {
  return (output?.choices ?? []).map((choice) =>
    'message' in choice ? (choice.message.content ?? '') : choice.text,
  );
}

/** Value of one line of a Prometheus page; undefined where the line is absent. */
export async function metricValue(url: string, line: RegExp): Promise<number | undefined> {
  const page = await (await fetch(`${url}/metrics`)).text();
  const found = page.split('\n').find((text) => !text.startsWith('#') && line.test(text));
  return found === undefined ? undefined : Number(found.slice(found.lastIndexOf(' ') + 1));
}
