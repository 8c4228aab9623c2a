import type { ModelRef } from '#contracts';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { JobRef } from './job-lifecycle.js';
import { jobOptions, PRODUCER_OPTIONS, type BullJobData } from './queue-options.js';
import { queueNameOf } from './redis-keys.js';

/** What BullMQ has to know of a job whose record is stored. */
export interface QueuedJob extends JobRef {
  readonly priority: number;
  /** The record's attempt: BullMQ counts anew from there. */
  readonly attempt: number;
}

/** BullMQ's queues as a producer sees them, one of each model and variant, opened when first needed. */
export class BullQueues {
  readonly #queues = new Map<string, Queue<BullJobData>>();

  constructor(private readonly redis: Redis) {}

  /** Changes nothing where BullMQ has the job already. */
  async add(job: QueuedJob): Promise<void> {
    await this.#of(job).add('generate', { attemptsBefore: job.attempt }, jobOptions(job.jobId, job.priority));
  }

  /** Rejects while a worker holds the job. */
  async remove(job: JobRef): Promise<void> {
    await this.#of(job).remove(job.jobId);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#queues.values()].map((queue) => queue.close()));
  }

  #of(ref: ModelRef): Queue<BullJobData> {
    const name = queueNameOf(ref);
    let queue = this.#queues.get(name);
    if (queue === undefined) {
      queue = new Queue<BullJobData>(name, { ...PRODUCER_OPTIONS, connection: this.redis });
      // Its connection is ours, which logs its own outages; a failed call rejects where it was made.
      queue.on('error', () => {});
      this.#queues.set(name, queue);
    }
    return queue;
  }
}
