import { isFinalJobStatus, type JobView, type SubmitJobRequest } from '#contracts';
import type { ChaosClient } from './chaos-client.js';
import type { JobFacts } from './job-facts.js';
import type { JobPlan } from './plan-jobs.js';
import { StreamReading } from './stream-reading.js';

const CONNECT_AGAIN_MS = 100;
const POLL_WAIT_S = 10;

/** One client's life with one job. Its facts may be taken at any time: they hold what it knows so far. */
export class LiveJob {
  /** From its DELETE to its client's sight of the cancelled job, whose slot is free by then. */
  cancelMs: number | undefined;
  #cancelAsked = false;
  readonly #acknowledgedIds: string[] = [];
  readonly #ends: JobView[] = [];
  #stream: StreamReading | null = null;

  private constructor(
    private readonly client: ChaosClient,
    readonly plan: JobPlan,
    private readonly request: SubmitJobRequest,
    private readonly submission: string,
    readonly id: string,
  ) {
    this.#acknowledgedIds.push(id);
  }

  /** Resolves once the submission is acknowledged, however often it takes. */
  static async submit(
    client: ChaosClient,
    plan: JobPlan,
    request: SubmitJobRequest,
    submission: string,
  ): Promise<LiveJob> {
    const { id } = await client.submit(request, submission);
    return new LiveJob(client, plan, request, submission, id);
  }

  get seesEnd(): boolean {
    return this.#ends.length > 0 || (this.#stream?.ends.length ?? 0) > 0;
  }

  get facts(): JobFacts {
    return {
      id: this.id,
      submission: this.submission,
      plan: this.plan,
      acknowledgedIds: this.#acknowledgedIds,
      ends: this.#ends,
      stream: this.#stream,
      cancelAsked: this.#cancelAsked,
    };
  }

  /** Does what the plan says, up to the job's end where it follows the job. */
  async live(): Promise<void> {
    await Promise.all([this.#submitAgain(), this.#follow(), this.#cancel()]);
  }

  async #submitAgain(): Promise<void> {
    if (!this.plan.submitTwice) return;
    this.#acknowledgedIds.push((await this.client.submit(this.request, this.submission)).id);
  }

  async #follow(): Promise<void> {
    switch (this.plan.following) {
      case 'nothing':
        return;
      case 'wait':
        await this.untilEnded();
        return;
      case 'stream':
        this.#stream = new StreamReading();
        await readStream(this.client, this.id, this.#stream, {
          hangUpAfter: this.plan.dropStreamAfter ?? Infinity,
        });
        return;
      default:
        this.plan.following satisfies never;
    }
  }

  async #cancel(): Promise<void> {
    if (this.plan.cancelAfterMs === null) return;
    await this.client.pause(this.plan.cancelAfterMs);
    const askedAtMs = performance.now();
    this.#cancelAsked = true;
    await this.client.cancel(this.id);
    const ended = await this.untilEnded();
    if (ended?.status === 'cancelled') this.cancelMs = performance.now() - askedAtMs;
  }

  /** The job once it has ended; undefined where it is gone. */
  async untilEnded(): Promise<JobView | undefined> {
    for (;;) {
      const job = await this.client.job(this.id, POLL_WAIT_S);
      if (job === null) return undefined;
      if (!isFinalJobStatus(job.status)) continue;
      this.#ends.push(job);
      return job;
    }
  }
}

export interface ReadingOptions {
  /** Events after which the reader itself breaks one connection. */
  readonly hangUpAfter?: number;
  /** Most connections that it may take. */
  readonly connections?: number;
}

/** Reads a job's stream to its end over as many connections as it takes, each from the last id on. */
export async function readStream(
  client: ChaosClient,
  id: string,
  reading: StreamReading,
  { hangUpAfter = Infinity, connections = Infinity }: ReadingOptions = {},
): Promise<void> {
  let left = hangUpAfter;
  for (let connection = 1; ; connection += 1) {
    const leave = new AbortController();
    for await (const event of client.events(id, reading.lastId, leave.signal)) {
      reading.push(event);
      left -= 1;
      if (left === 0) leave.abort();
    }
    if (reading.ends.length > 0 || connection >= connections) return;
    if (reading.lastId !== undefined) reading.resumed += 1;
    await client.pause(CONNECT_AGAIN_MS);
  }
}
