import { Controller, Get, Header, Inject } from '@nestjs/common';
import type { ApiMetrics } from '#observability';
import { METRICS } from '../backend/tokens.js';
import { NeedsNoKey } from '../http/api-key.guard.js';
import { QueueSampler } from './queue-sampler.js';

@Controller('metrics')
@NeedsNoKey()
export class MetricsController {
  constructor(
    @Inject(METRICS) private readonly metrics: ApiMetrics,
    private readonly sampler: QueueSampler,
  ) {}

  @Get()
  @Header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  async scrape(): Promise<string> {
    await this.sampler.sample(Date.now());
    return this.metrics.registry.metrics();
  }
}
