import type { TextEnd } from './job-record.js';
import type { JobStatus } from './job-status.js';
import type { EtaSeconds, JobView } from './job-view.js';
import type { TokenLogprobs } from './token-logprobs.js';

/** A job went to another status. */
export interface JobStatusEvent {
  readonly id: string;
  readonly type: 'status';
  readonly status: JobStatus;
  readonly attempt: number;
  /** Place in the queue, 1 = next; only while queued. */
  readonly position?: number;
  /** Seconds until it starts, as in the job's view; only while queued. */
  readonly etaS?: EtaSeconds | null;
}

/** More text of a job. */
export interface JobTokenEvent {
  readonly id: string;
  readonly type: 'token';
  /** Which choice of the job the text belongs to. */
  readonly index: number;
  readonly text: string;
  /** Tokens behind `text`: slow readers and held-back stop strings get several at once. */
  readonly n: number;
  /** One for each token, where the job asks for them. */
  readonly logprobs?: readonly TokenLogprobs[];
  /** Where this ends one of several choices. The end of the last one may come with `done` alone. */
  readonly finishReason?: TextEnd;
}

/** Something that happened to a job, as its event stream tells it. `id` is `<attempt>-<n>`, ascending. */
export type JobEvent =
  JobStatusEvent | JobTokenEvent | { readonly id: string; readonly type: 'done'; readonly job: JobView };
