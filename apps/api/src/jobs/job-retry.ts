import { Inject, Injectable } from '@nestjs/common';
import { DroverError, type JobRecord } from '#contracts';
import type { ApiMetrics, Logger } from '#observability';
import type { JobSubmitter } from '#queue';
import { JOB_SUBMITTER, LOGGER, METRICS } from '../backend/tokens.js';
import { servedVariants } from '../models/served-variants.js';
import { noWorker } from './admission.js';
import { jobNotFound } from './job-queries.js';

/** Has a job run again that ended without success, in the variant that it was admitted to. */
@Injectable()
export class JobRetry {
  constructor(
    @Inject(JOB_SUBMITTER) private readonly submitter: JobSubmitter,
    @Inject(METRICS) private readonly metrics: ApiMetrics,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * The job, queued again.
   * @throws DroverError `job_not_finished`, `job_succeeded`; `no_worker`, `queue_full` as for a new job
   */
  async retry(job: JobRecord, waitForWorker: boolean): Promise<JobRecord> {
    // The script decides; but a job that cannot run again at all is not told to wait for a worker.
    if (job.status === 'queued' || job.status === 'running') throw notFinished(job);
    if (job.status === 'succeeded') throw succeeded(job);
    const nowMs = Date.now();
    if (!waitForWorker) await this.#requireWorker(job, nowMs);
    const outcome = await this.submitter.retry(job.tenant, job.id, nowMs);
    switch (outcome.kind) {
      case 'queued':
        break;
      case 'not-finished':
        throw notFinished(outcome.job);
      case 'succeeded':
        throw succeeded(outcome.job);
      case 'not-found':
        throw jobNotFound(job.id);
      default:
        return outcome satisfies never;
    }
    const { model, variant, retries } = outcome.job;
    this.metrics.jobsRetried.inc({ model, variant });
    this.logger.info({ jobId: job.id, model, variant, retries }, 'job queued again');
    return outcome.job;
  }

  async #requireWorker({ model, variant }: JobRecord, nowMs: number): Promise<void> {
    const served = servedVariants(await this.submitter.liveWorkers(nowMs));
    if (served.some((entry) => entry.model === model && entry.variant === variant)) return;
    throw noWorker(`${model}:${variant}`, served);
  }
}

function notFinished({ id, status }: JobRecord): DroverError {
  return new DroverError(
    'job_not_finished',
    `Job ${id} cannot be retried: it is \`${status}\`. Wait for its end, or cancel it first.`,
  );
}

function succeeded({ id }: JobRecord): DroverError {
  return new DroverError(
    'job_succeeded',
    `Job ${id} cannot be retried: it has succeeded, and its result stays. Submit a new job for another one.`,
  );
}
