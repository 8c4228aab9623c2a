import type { JobStatus } from './job-status.js';
import type { JobView } from './job-view.js';

/** Something that happened to a job, as its event stream tells it. `id` is `<attempt>-<n>`, ascending. */
export type JobEvent =
  | {
      readonly id: string;
      readonly type: 'status';
      readonly status: JobStatus;
      readonly attempt: number;
      /** Place in the queue, 1 = next; only while queued. */
      readonly position?: number;
    }
  | {
      readonly id: string;
      readonly type: 'token';
      readonly index: number;
      readonly text: string;
      /** Tokens behind `text`: slow readers and held-back stop strings get several at once. */
      readonly n: number;
    }
  | { readonly id: string; readonly type: 'done'; readonly job: JobView };
