import { Controller, Get, Query } from '@nestjs/common';
import { Tenant } from '../http/api-key.guard.js';
import { ZodPipe } from '../http/zod.pipe.js';
import { deadLettersQuerySchema, type DeadLettersQuery } from './job-queries.js';
import { JobsService, type JobPage } from './jobs.service.js';

/** Jobs that took down their workers and wait for their client to look at them, or to retry them. */
@Controller('v1/dead_letters')
export class DeadLettersController {
  constructor(private readonly jobs: JobsService) {}

  @Get()
  async list(
    @Tenant() tenant: string,
    @Query(new ZodPipe(deadLettersQuerySchema)) query: DeadLettersQuery,
  ): Promise<JobPage> {
    return this.jobs.deadLetters(tenant, query);
  }
}
