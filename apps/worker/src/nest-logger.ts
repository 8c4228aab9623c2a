import type { LoggerService } from '@nestjs/common';
import type { Logger } from '#observability';

/** Nest's own lines as lines of the service's log; its start-up chatter only at `debug`. */
export function nestLogger(logger: Logger): LoggerService {
  return {
    log: (message: unknown, context?: string) => logger.debug({ context }, String(message)),
    warn: (message: unknown, context?: string) => logger.warn({ context }, String(message)),
    error: (message: unknown, stack?: string, context?: string) =>
      logger.error({ context, stack }, String(message)),
  };
}
