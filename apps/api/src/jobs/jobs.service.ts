import { Inject, Injectable } from '@nestjs/common';
import { DroverError, toJobView, type JobRecord, type JobView, type SubmitJobRequest } from '#contracts';
import type { ApiMetrics, Logger } from '#observability';
import { newJobId, withheld, type JobSubmitter } from '#queue';
import type { JobPage as StoredJobPage, JobReader } from '#results';
import { DestinationWall } from '#webhooks';
import { JOB_READER, JOB_SUBMITTER, LOGGER, METRICS } from '../backend/tokens.js';
import { requireDestination } from '../webhooks/require-destination.js';
import { bodyDigest } from './idempotency-key.js';
import { JobAdmission } from './job-admission.js';
import { isJobId, jobNotFound, type DeadLettersQuery, type ListQuery } from './job-queries.js';
import { JobRetry } from './job-retry.js';
import { requireOutputForm } from './require-output-form.js';
import { toNewJob } from './new-job.js';

export interface Submission {
  /** The job as it was accepted. */
  readonly accepted: JobView;
  /** An earlier request with the same idempotency key made the job and got this answer. */
  readonly replayed: boolean;
}

export interface JobPage {
  readonly object: 'list';
  readonly data: readonly JobView[];
  readonly first_id: string | null;
  /** `after` of the next page. */
  readonly last_id: string | null;
  readonly has_more: boolean;
}

/** A tenant's jobs: submit, look up, list, wait for, cancel, retry. */
@Injectable()
export class JobsService {
  constructor(
    @Inject(JOB_SUBMITTER) private readonly submitter: JobSubmitter,
    @Inject(JOB_READER) private readonly reader: JobReader,
    @Inject(METRICS) private readonly metrics: ApiMetrics,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly admission: JobAdmission,
    private readonly retries: JobRetry,
    private readonly wall: DestinationWall,
  ) {}

  async submit(tenant: string, request: SubmitJobRequest, idempotencyKey?: string): Promise<Submission> {
    const nowMs = Date.now();
    const id = newJobId(nowMs);
    if (idempotencyKey === undefined) {
      return { accepted: await this.#admit(tenant, request, id, nowMs), replayed: false };
    }

    const claim = await this.submitter.idempotency.claim(
      tenant,
      idempotencyKey,
      bodyDigest(request),
      id,
      nowMs,
    );
    switch (claim.kind) {
      case 'claimed':
        return {
          accepted: await this.#admitClaimed(tenant, request, claim.jobId, nowMs, idempotencyKey),
          replayed: false,
        };
      case 'replay':
        return { accepted: parseAnswer(claim.answer), replayed: true };
      case 'in-progress':
        throw new DroverError(
          'idempotency_in_progress',
          'A request with this idempotency key is being handled. Send it again in a moment.',
          { param: 'idempotency-key', retryAfterS: 1 },
        );
      case 'different-body':
        throw new DroverError(
          'idempotency_key_reused',
          'This idempotency key was used with another body within the last 24 hours. Use a new key for a new job.',
          { param: 'idempotency-key' },
        );
      default:
        return claim satisfies never;
    }
  }

  /** Fetches a job; with that an ended one whose `ttl_s` is 0 is gone. */
  async get(tenant: string, id: string): Promise<JobRecord> {
    const job = isJobId(id) ? await this.reader.get(tenant, id) : undefined;
    if (job === undefined) throw jobNotFound(id);
    return job;
  }

  /** Looks at a job without fetching it: what would be gone with its fetch is not shown. */
  async peek(tenant: string, id: string): Promise<JobRecord> {
    const job = isJobId(id) ? await this.reader.peek(tenant, id) : undefined;
    if (job === undefined) throw jobNotFound(id);
    return job;
  }

  /** Fetches the job once it has ended, or as it stands when the time is up or the signal aborts. */
  async waitForEnd(tenant: string, id: string, seconds: number, signal: AbortSignal): Promise<JobRecord> {
    if (seconds === 0) return this.get(tenant, id);
    await this.peek(tenant, id);
    const job = await this.reader.waitForFinal(tenant, id, seconds * 1000, signal);
    if (job === undefined) throw jobNotFound(id);
    return job;
  }

  async list(tenant: string, query: ListQuery): Promise<JobPage> {
    return this.#toPage(await this.reader.list({ tenant, ...query }));
  }

  /** Quarantined jobs, the latest first. */
  async deadLetters(tenant: string, query: DeadLettersQuery): Promise<JobPage> {
    return this.#toPage(await this.reader.deadLetters({ tenant, ...query }));
  }

  /**
   * Asks a job to stop. The result is cancelled already, or still running until its worker has stopped.
   * @throws DroverError `job_not_found`, `job_already_finished`
   */
  async cancel(tenant: string, id: string): Promise<JobRecord> {
    if (!isJobId(id)) throw jobNotFound(id);
    const outcome = await this.submitter.cancel(tenant, id, Date.now());
    switch (outcome.kind) {
      case 'cancelled':
      case 'cancelling':
        return withheld(outcome.job);
      case 'already-finished':
        if (outcome.job.status === 'cancelled') return withheld(outcome.job);
        throw new DroverError(
          'job_already_finished',
          `Job ${id} cannot be cancelled: it is \`${outcome.job.status}\` already. GET ${toJobView(outcome.job).urls.self} has its result.`,
        );
      case 'not-found':
        throw jobNotFound(id);
      default:
        return outcome satisfies never;
    }
  }

  async retry(tenant: string, id: string, waitForWorker: boolean): Promise<JobRecord> {
    return this.retries.retry(await this.peek(tenant, id), waitForWorker);
  }

  async view(job: JobRecord): Promise<JobView> {
    return toJobView(job, job.status === 'queued' ? await this.submitter.place(job) : undefined);
  }

  async #toPage({ jobs, hasMore, nextAfter }: StoredJobPage): Promise<JobPage> {
    const data = await Promise.all(jobs.map((job) => this.view(job)));
    return {
      object: 'list',
      data,
      first_id: data.at(0)?.id ?? null,
      last_id: nextAfter ?? data.at(-1)?.id ?? null,
      has_more: hasMore,
    };
  }

  /**
   * A request that is refused leaves its idempotency key free: the next try may be in order. After a failure the job may
   * be there all the same, so the next try goes on with it.
   */
  async #admitClaimed(
    tenant: string,
    request: SubmitJobRequest,
    id: string,
    nowMs: number,
    idempotencyKey: string,
  ): Promise<JobView> {
    const { idempotency } = this.submitter;
    try {
      const accepted = await this.#admit(tenant, request, id, nowMs);
      await idempotency.complete(tenant, idempotencyKey, id, JSON.stringify(accepted));
      return accepted;
    } catch (error) {
      const giveUp = isRefusal(error) ? 'release' : 'abandon';
      await idempotency[giveUp](tenant, idempotencyKey, id).catch((cause: unknown) => {
        this.logger.warn({ err: cause, jobId: id }, 'idempotency key not given up; it is by itself, shortly');
      });
      throw error;
    }
  }

  async #admit(tenant: string, request: SubmitJobRequest, id: string, nowMs: number): Promise<JobView> {
    if (request.webhook !== undefined) requireDestination(this.wall, request.webhook.url, 'webhook.url');
    const form = requireOutputForm(request.input);
    const placement = await this.admission.place(request, form, nowMs);
    const job = await this.submitter.submit(toNewJob(request, { id, tenant, nowMs }, placement));
    const { model, variant } = job;
    this.metrics.jobsSubmitted.inc({ model, variant });
    this.logger.info({ jobId: id, model, variant, promptTokens: job.promptTokens }, 'job queued');
    return this.view(job);
  }
}

/** True where it is sure that the request made nothing. */
function isRefusal(error: unknown): boolean {
  return error instanceof DroverError && error.code !== 'queue_unavailable';
}

function parseAnswer(json: string): JobView {
  return JSON.parse(json);
}
