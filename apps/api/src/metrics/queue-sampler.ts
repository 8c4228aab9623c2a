import { Inject, Injectable } from '@nestjs/common';
import type { ApiMetrics, Logger } from '#observability';
import type { JobSubmitter } from '#queue';
import type { JobReader } from '#results';
import { EndpointStore } from '#webhooks';
import type { Redis } from 'ioredis';
import { JOB_READER, JOB_SUBMITTER, LOGGER, METRICS, REDIS } from '../backend/tokens.js';
import { API_KEY_RING } from '../http/api-key.guard.js';
import { tenantsOf, type ApiKeyRing } from '../http/api-keys.js';

/** Fills the metrics that Redis knows at the moment of a scrape. */
@Injectable()
export class QueueSampler {
  readonly #tenants: readonly string[];
  readonly #endpoints: EndpointStore;

  constructor(
    @Inject(METRICS) private readonly metrics: ApiMetrics,
    @Inject(JOB_SUBMITTER) private readonly submitter: JobSubmitter,
    @Inject(JOB_READER) private readonly reader: JobReader,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(API_KEY_RING) ring: ApiKeyRing,
    @Inject(REDIS) redis: Redis,
  ) {
    this.#tenants = tenantsOf(ring);
    this.#endpoints = new EndpointStore(redis);
  }

  /** With Redis away they are absent rather than stale; the process's own metrics are still served. */
  async sample(nowMs: number): Promise<void> {
    try {
      const [depths, workers, finished, deadLetters, endpoints] = await Promise.all([
        this.submitter.queueDepths(nowMs),
        this.submitter.liveWorkers(nowMs),
        this.submitter.finishedJobs(),
        this.reader.countDeadLetters(this.#tenants),
        Promise.all(this.#tenants.map((tenant) => this.#endpoints.list(tenant))),
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
      const disabled = endpoints.flat().filter((endpoint) => endpoint.disabled !== null).length;
      metrics.webhookEndpoints.set({ state: 'enabled' }, endpoints.flat().length - disabled);
      metrics.webhookEndpoints.set({ state: 'disabled' }, disabled);
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
    metrics.webhookEndpoints.reset();
    // A reset gauge without labels would say 0.
    metrics.deadLetters.remove();
  }
}
