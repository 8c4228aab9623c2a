import { Catch, Inject, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { describeErrorCode, toApiErrorBody } from '#contracts';
import type { ApiSettings } from '#config';
import type { Logger } from '#observability';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { LOGGER, ROUTES, SETTINGS } from '../backend/tokens.js';
import { allowedMethods, type Route } from './route-table.js';
import { toDroverError } from './to-drover-error.js';

/** The only place where an error becomes an HTTP answer. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(
    @Inject(SETTINGS) private readonly settings: ApiSettings,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(ROUTES) private readonly routes: readonly Route[],
  ) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const path = request.url.split('?', 1)[0] ?? '/';
    const error = toDroverError(thrown, {
      id: request.id,
      method: request.method,
      path,
      bodyLimitBytes: this.settings.DROVER_BODY_LIMIT_BYTES,
      routes: this.routes,
    });
    const { httpStatus } = describeErrorCode(error.code);
    if (httpStatus === 500) this.logger.error({ err: thrown, requestId: request.id, path }, 'request failed');
    // A stream has sent its headers: all that is left is to end it.
    if (reply.sent || reply.raw.headersSent) {
      reply.raw.destroy();
      return;
    }
    if (error.retryAfterS !== undefined) void reply.header('retry-after', Math.ceil(error.retryAfterS));
    if (error.code === 'method_not_allowed') {
      void reply.header('allow', allowedMethods(this.routes, path).join(', '));
    }
    if (error.code === 'invalid_api_key') void reply.header('www-authenticate', 'Bearer');
    void reply.status(httpStatus).send(toApiErrorBody(error));
  }
}
