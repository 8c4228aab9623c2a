import { Worker, type Job } from 'bullmq';
import type { BullJobData } from '../queue-options.js';
import { storedValue } from '../stored-value.js';

/**
 * A worker that takes nothing once it is paused. BullMQ's own lets the blocking read that is under way take one more
 * job when it wakes, which may be the very job that the worker has just handed back.
 */
export class DrainingWorker extends Worker<BullJobData> {
  protected override moveToActive(token: string, name?: string): Promise<Job<BullJobData>> {
    // BullMQ takes nothing for "no job", though its types do not say so.
    if (this.isPaused()) return Promise.resolve(storedValue<Job<BullJobData>>(undefined));
    return super.moveToActive(token, name);
  }
}
