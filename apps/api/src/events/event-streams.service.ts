import { Inject, Injectable } from '@nestjs/common';
import {
  DroverError,
  isFinalJobStatus,
  sequenceCountOf,
  toJobView,
  type JobEvent,
  type JobRecord,
  type JobStatusEvent,
  type JobTokenEvent,
} from '#contracts';
import type { ApiSettings } from '#config';
import type { ApiMetrics } from '#observability';
import type { JobSubmitter } from '#queue';
import type { JobEventFeed, JobReader } from '#results';
import { JOB_EVENT_FEED, JOB_READER, JOB_SUBMITTER, METRICS, SETTINGS } from '../backend/tokens.js';
import { noSuchEvent, type ResumePoint } from './resume-point.js';

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

  /**
   * @throws DroverError `invalid_value` for an id that the job's stream never gave out: after it nothing would come
   */
  async requireEvent(job: JobRecord, point: ResumePoint): Promise<void> {
    if (!(await this.feed.mayResumeAfter(job.id, point.eventId))) throw noSuchEvent(point);
  }

  /** A job's events after `afterId` to the end of its latest run, or until its record is gone. */
  async *events(job: JobRecord, afterId: string | undefined, signal: AbortSignal): AsyncGenerator<JobEvent> {
    let lastId = afterId;
    for (;;) {
      let retried = false;
      for await (const news of this.feed.events(job.id, lastId, signal)) {
        for (const [i, stored] of news.entries()) {
          if (stored.type === 'token' && isDrawn(job)) continue;
          if (stored.type !== 'done') {
            // A job that has moved on since has no place in line.
            yield i === news.length - 1 ? await this.#withPlace(job, stored) : stored;
            continue;
          }
          const ended = signal.aborted ? undefined : await this.reader.get(job.tenant, job.id);
          if (ended === undefined) return;
          retried = !isFinalJobStatus(ended.status);
          if (!retried) yield { id: stored.id, type: 'done', job: toJobView(ended) };
          lastId = stored.id;
        }
      }
      if (!retried) return;
    }
  }

  async #withPlace(job: JobRecord, event: JobStatusEvent | JobTokenEvent): Promise<JobEvent> {
    if (event.type === 'token' || event.status !== 'queued') return event;
    const place = await this.submitter.place(job);
    return place === undefined ? event : { ...event, ...place };
  }

  #count(change: 1 | -1): void {
    this.#open += change;
    this.metrics.eventStreams.set(this.#open);
  }
}

/** Which texts the client gets is drawn from all of them at the end; until then none of them is its. */
function isDrawn({ input, choiceCount }: JobRecord): boolean {
  return sequenceCountOf(input) > choiceCount;
}
