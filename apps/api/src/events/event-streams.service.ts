import { Inject, Injectable } from '@nestjs/common';
import { DroverError, toJobView, type JobEvent, type JobRecord } from '#contracts';
import type { ApiSettings } from '#config';
import type { ApiMetrics } from '#observability';
import type { JobSubmitter } from '#queue';
import type { JobEventFeed, JobReader, StoredJobEvent } from '#results';
import { JOB_EVENT_FEED, JOB_READER, JOB_SUBMITTER, METRICS, SETTINGS } from '../backend/tokens.js';

const STREAMS_RETRY_S = 5;

/** A job's stored events as its reader sees them, and the bound on how many readers there may be. */
@Injectable()
export class EventStreams {
  #open = 0;

  constructor(
    @Inject(SETTINGS) private readonly settings: ApiSettings,
    @Inject(METRICS) private readonly metrics: ApiMetrics,
    @Inject(JOB_READER) private readonly reader: JobReader,
    @Inject(JOB_EVENT_FEED) private readonly feed: JobEventFeed,
    @Inject(JOB_SUBMITTER) private readonly submitter: JobSubmitter,
  ) {}

  /**
   * Takes one of the stream places; the result gives it back.
   * @throws DroverError `too_many_streams`
   */
  open(): () => void {
    const most = this.settings.DROVER_MAX_EVENT_STREAMS;
    if (this.#open >= most) {
      throw new DroverError(
        'too_many_streams',
        `This server has ${most} event streams open, the most it holds. Poll the job, or try again later.`,
        { retryAfterS: STREAMS_RETRY_S },
      );
    }
    this.#count(1);
    return () => this.#count(-1);
  }

  async *events(job: JobRecord, afterId: string | undefined, signal: AbortSignal): AsyncGenerator<JobEvent> {
    for await (const stored of this.feed.events(job.id, afterId, signal)) {
      const event = await this.#complete(job, stored);
      if (event === undefined) return;
      yield event;
    }
  }

  /** Undefined once the record has expired under its reader. */
  async #complete(job: JobRecord, stored: StoredJobEvent): Promise<JobEvent | undefined> {
    switch (stored.type) {
      case 'status': {
        const position = stored.status === 'queued' ? await this.submitter.position(job) : undefined;
        return position === undefined ? stored : { ...stored, position };
      }
      case 'token':
        return stored;
      case 'done': {
        const ended = await this.reader.get(job.tenant, job.id);
        return ended && { id: stored.id, type: 'done', job: toJobView(ended) };
      }
      default:
        return stored satisfies never;
    }
  }

  #count(change: 1 | -1): void {
    this.#open += change;
    this.metrics.eventStreams.set(this.#open);
  }
}
