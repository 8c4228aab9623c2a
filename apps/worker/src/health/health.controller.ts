import { Controller, Get, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { WorkerState } from '../lifecycle/worker-state.js';

@Controller()
export class HealthController {
  constructor(@Inject(WorkerState) private readonly state: WorkerState) {}

  /** The process answers. */
  @Get('healthz')
  healthz() {
    return { status: 'ok' };
  }

  /** The model is loaded, jobs are taken and Redis answers; else 503 with what is missing. */
  @Get('readyz')
  readyz(@Res({ passthrough: true }) reply: FastifyReply) {
    const readiness = this.state.readiness(Date.now());
    if (readiness.ready) return { status: 'ready' };
    void reply.status(503);
    return { status: readiness.reason };
  }
}
