import { Inject, Injectable } from '@nestjs/common';
import type { ApiMetrics, Logger } from '#observability';
import type { JobSubmitter } from '#queue';
import type { JobReader } from '#results';
import { JOB_READER, JOB_SUBMITTER, LOGGER, METRICS } from '../backend/tokens.js';
import { API_KEY_RING } from '../http/api-key.guard.js';
import { tenantsOf, type ApiKeyRing } from '../http/api-keys.js';

/** Fills the metrics that Redis knows at the moment of a scrape. */
@Injectable()
export class QueueSampler {
  readonly #tenants: readonly string[];

  constructor(
    @Inject(METRICS) private readonly metrics: ApiMetrics,
    @Inject(JOB_SUBMITTER) private readonly submitter: JobSubmitter,
    @Inject(JOB_READER) private readonly reader: JobReader,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(API_KEY_RING) ring: ApiKeyRing,
  ) {
    this.#tenants = tenantsOf(ring);
  }

  /** With Redis away they are absent rather than stale; the process's own metrics are still served. */
  async sample(nowMs: number): Promise<void> {
    try {
      const [depths, workers, finished, deadLetters] = await Promise.all([
        this.submitter.queueDepths(nowMs),
        this.submitter.liveWorkers(nowMs),
        this.submitter.finishedJobs(),
        this.reader.countDeadLetters(this.#tenants),
      ]);
      this.#clear();
      const { metrics } = this;
      for (const { model, variant, status, count } of finished) {
        metrics.serviceJobsFinished.inc({ model, variant, status }, count);
      }
      for (const { model, variant, waiting, waitingTokens, active, oldestWaitingMs } of depths) {
        metrics.queueJobs.set({ model, variant, state: 'waiting' }, waiting);
        metrics.queueJobs.set({ model, variant, state: 'active' }, active);
        metrics.queueWaitingTokens.set({ model, variant }, waitingTokens);
        metrics.queueOldestWaitingSeconds.set({ model, variant }, (oldestWaitingMs ?? 0) / 1000);
        metrics.liveWorkers.set({ model, variant }, 0);
      }
      for (const { model, variant } of workers) metrics.liveWorkers.inc({ model, variant });
      metrics.deadLetters.set(deadLetters);
    } catch (error) {
      this.#clear();
      this.logger.debug({ err: error }, 'queues not sampled: Redis is away');
    }
  }

  #clear(): void {
    const { metrics } = this;
    metrics.queueJobs.reset();
    metrics.queueWaitingTokens.reset();
    metrics.queueOldestWaitingSeconds.reset();
    metrics.liveWorkers.reset();
    metrics.serviceJobsFinished.reset();
    // A reset gauge without labels would say 0.
    metrics.deadLetters.remove();
  }
}
