import { Controller, Get, Headers, HttpStatus, Inject, Param, Query, Res } from '@nestjs/common';
import { isFinalJobStatus, JOBS_PATH, type JobRecord } from '#contracts';
import type { Logger } from '#observability';
import type { FastifyReply } from 'fastify';
import { LOGGER } from '../backend/tokens.js';
import { Tenant } from '../http/api-key.guard.js';
import { callerLeft } from '../http/caller-left.js';
import { ZodPipe } from '../http/zod.pipe.js';
import { eventsQuerySchema, type EventsQuery } from '../jobs/job-queries.js';
import { JobsService } from '../jobs/jobs.service.js';
import { Drain } from '../lifecycle/drain.js';
import { EventStreams } from './event-streams.service.js';
import { resumePointOf } from './resume-point.js';
import { writeEventStream } from './write-event-stream.js';

const KEEP_ALIVE_MS = 15_000;
const STALLED_READER_MS = 30_000;

@Controller(JOBS_PATH)
export class EventsController {
  constructor(
    private readonly jobs: JobsService,
    private readonly streams: EventStreams,
    private readonly drain: Drain,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  @Get(':id/events')
  async stream(
    @Tenant() tenant: string,
    @Param('id') id: string,
    @Query(new ZodPipe(eventsQuerySchema)) query: EventsQuery,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const resume = resumePointOf(query.after, lastEventId);
    const job = await this.jobs.peek(tenant, id);
    if (resume !== undefined) await this.streams.requireEvent(job, resume);
    const close = this.streams.open();
    try {
      await this.#send(reply, job, resume?.eventId);
    } finally {
      close();
    }
  }

  async #send(reply: FastifyReply, job: JobRecord, afterId: string | undefined): Promise<void> {
    if (reply.request.method === 'HEAD') {
      startStream(reply);
      reply.raw.end();
      return;
    }
    const signal = AbortSignal.any([callerLeft(reply), this.drain.signal]);
    const events = this.streams.events(job, afterId, signal);
    const first = isFinalJobStatus(job.status) ? await events.next() : undefined;
    if (first?.done === true && !signal.aborted) {
      // Nothing follows unless the job is retried; 204 tells a browser's EventSource to stop coming back.
      await reply.status(HttpStatus.NO_CONTENT).send();
      return;
    }
    startStream(reply);
    try {
      const rest = first === undefined || first.done === true ? events : prepend(first.value, events);
      const end = await writeEventStream(reply.raw, rest, {
        signal,
        keepAliveMs: KEEP_ALIVE_MS,
        stalledReaderMs: STALLED_READER_MS,
      });
      if (end !== 'stalled') return;
      this.logger.info({ jobId: job.id }, 'event stream dropped: its reader took nothing');
      reply.raw.destroy();
    } finally {
      reply.raw.end();
    }
  }
}

/** From here on the answer is ours: Fastify neither buffers nor ends it. */
function startStream(reply: FastifyReply): void {
  reply.hijack();
  reply.raw.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store, no-transform',
    'x-accel-buffering': 'no',
    'x-request-id': reply.request.id,
  });
  reply.raw.flushHeaders();
}

async function* prepend<T>(first: T, rest: AsyncIterable<T>): AsyncGenerator<T> {
  yield first;
  yield* rest;
}
