import { Body, Controller, Delete, Get, Headers, HttpStatus, Param, Post, Query, Res } from '@nestjs/common';
import {
  isFinalJobStatus,
  JOBS_PATH,
  submitJobSchema,
  type JobRecord,
  type JobView,
  type SubmitJobRequest,
} from '#contracts';
import type { FastifyReply } from 'fastify';
import { Tenant } from '../http/api-key.guard.js';
import { callerLeft } from '../http/caller-left.js';
import { waitPreferenceOf, type WaitPreference } from '../http/wait-preference.js';
import { ZodPipe } from '../http/zod.pipe.js';
import { Drain } from '../lifecycle/drain.js';
import { idempotencyKeyOf } from './idempotency-key.js';
import {
  listQuerySchema,
  retryJobSchema,
  waitQuerySchema,
  type ListQuery,
  type RetryJobRequest,
  type WaitQuery,
} from './job-queries.js';
import { JobsService, type JobPage } from './jobs.service.js';

/** Seconds after which looking at an unfinished job again is worth it. */
const POLL_AFTER_S = 1;

@Controller(JOBS_PATH)
export class JobsController {
  constructor(
    private readonly jobs: JobsService,
    private readonly drain: Drain,
  ) {}

  @Post()
  async submit(
    @Tenant() tenant: string,
    @Body(new ZodPipe(submitJobSchema)) body: SubmitJobRequest,
    @Query(new ZodPipe(waitQuerySchema)) query: WaitQuery,
    @Headers('prefer') prefer: string | undefined,
    @Headers('idempotency-key') idempotencyKey: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<JobView> {
    const submission = await this.jobs.submit(tenant, body, idempotencyKeyOf(idempotencyKey));
    if (submission.replayed) void reply.header('idempotent-replayed', 'true');
    return this.#acknowledge(tenant, submission.accepted, waitPreferenceOf(query.wait, prefer), reply);
  }

  @Post(':id/retry')
  async retry(
    @Tenant() tenant: string,
    @Param('id') id: string,
    @Body(new ZodPipe(retryJobSchema.default({}))) body: RetryJobRequest,
    @Query(new ZodPipe(waitQuerySchema)) query: WaitQuery,
    @Headers('prefer') prefer: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<JobView> {
    const job = await this.jobs.retry(tenant, id, body.wait_for_worker ?? false);
    return this.#acknowledge(tenant, await this.jobs.view(job), waitPreferenceOf(query.wait, prefer), reply);
  }

  @Get()
  async list(
    @Tenant() tenant: string,
    @Query(new ZodPipe(listQuerySchema)) query: ListQuery,
  ): Promise<JobPage> {
    return this.jobs.list(tenant, query);
  }

  @Get(':id')
  async get(
    @Tenant() tenant: string,
    @Param('id') id: string,
    @Query(new ZodPipe(waitQuerySchema)) query: WaitQuery,
    @Headers('prefer') prefer: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<JobView> {
    // HEAD gives no body, so it must not use up a result that is gone once fetched.
    const job =
      reply.request.method === 'HEAD'
        ? await this.jobs.peek(tenant, id)
        : await this.#waited(tenant, id, waitPreferenceOf(query.wait, prefer), reply);
    if (!isFinalJobStatus(job.status)) void reply.header('retry-after', POLL_AFTER_S);
    return this.jobs.view(job);
  }

  @Delete(':id')
  async cancel(
    @Tenant() tenant: string,
    @Param('id') id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<JobView> {
    const job = await this.jobs.cancel(tenant, id);
    void reply.status(isFinalJobStatus(job.status) ? HttpStatus.OK : HttpStatus.ACCEPTED);
    return this.jobs.view(job);
  }

  /** 202 with the job as it was accepted, or 200 with the ended one where it ends within the wait. */
  async #acknowledge(
    tenant: string,
    accepted: JobView,
    wait: WaitPreference,
    reply: FastifyReply,
  ): Promise<JobView> {
    void reply.header('location', `${JOBS_PATH}/${accepted.id}`);
    const job = wait.seconds === 0 ? undefined : await this.#waited(tenant, accepted.id, wait, reply);
    const done = job !== undefined && isFinalJobStatus(job.status);
    if (!done) void reply.header('retry-after', POLL_AFTER_S);
    void reply.status(done ? HttpStatus.OK : HttpStatus.ACCEPTED);
    return job === undefined ? accepted : this.jobs.view(job);
  }

  async #waited(tenant: string, id: string, wait: WaitPreference, reply: FastifyReply): Promise<JobRecord> {
    if (wait.byHeader) void reply.header('preference-applied', `wait=${wait.seconds}`);
    const signal = AbortSignal.any([callerLeft(reply), this.drain.signal]);
    return this.jobs.waitForEnd(tenant, id, wait.seconds, signal);
  }
}
