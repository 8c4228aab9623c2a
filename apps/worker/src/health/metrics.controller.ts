import { Controller, Get, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { WorkerMetrics } from '#observability';
import { GenerationMetrics } from '../generation/generation-metrics.js';
import { METRICS } from '../worker.tokens.js';

@Controller()
export class MetricsController {
  constructor(
    @Inject(METRICS) private readonly metrics: WorkerMetrics,
    @Inject(GenerationMetrics) private readonly generation: GenerationMetrics,
  ) {}

  @Get('metrics')
  async scrape(@Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    this.generation.sampleGauges();
    void reply.header('content-type', this.metrics.registry.contentType);
    return this.metrics.registry.metrics();
  }
}
