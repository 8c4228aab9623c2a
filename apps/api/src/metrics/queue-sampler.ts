import { Inject, Injectable } from '@nestjs/common';
import type { ApiMetrics, Logger } from '#observability';
import type { JobSubmitter } from '#queue';
import { JOB_SUBMITTER, LOGGER, METRICS } from '../backend/tokens.js';

/** Fills the metrics that Redis knows at the moment of a scrape. */
@Injectable()
export class QueueSampler {
  constructor(
    @Inject(METRICS) private readonly metrics: ApiMetrics,
    @Inject(JOB_SUBMITTER) private readonly submitter: JobSubmitter,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** With Redis away they are absent rather than stale; the process's own metrics are still served. */
  async sample(nowMs: number): Promise<void> {
    const { queueJobs, queueOldestWaitingSeconds, liveWorkers, serviceJobsFinished } = this.metrics;
    const sampled = [queueJobs, queueOldestWaitingSeconds, liveWorkers, serviceJobsFinished];
    try {
      const [depths, workers, finished] = await Promise.all([
        this.submitter.queueDepths(nowMs),
        this.submitter.liveWorkers(nowMs),
        this.submitter.finishedJobs(),
      ]);
      for (const metric of sampled) metric.reset();
      for (const { model, variant, status, count } of finished) {
        serviceJobsFinished.inc({ model, variant, status }, count);
      }
      for (const { model, variant, waiting, active, oldestWaitingMs } of depths) {
        queueJobs.set({ model, variant, state: 'waiting' }, waiting);
        queueJobs.set({ model, variant, state: 'active' }, active);
        queueOldestWaitingSeconds.set({ model, variant }, (oldestWaitingMs ?? 0) / 1000);
        liveWorkers.set({ model, variant }, 0);
      }
      for (const { model, variant } of workers) liveWorkers.inc({ model, variant });
    } catch (error) {
      for (const metric of sampled) metric.reset();
      this.logger.debug({ err: error }, 'queues not sampled: Redis is away');
    }
  }
}
