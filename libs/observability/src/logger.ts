import { pino, type Logger } from 'pino';

export type { Logger };

/** JSON lines on standard output; `service` names the process. Secrets never reach a log: see `redact`. */
export function createLogger(service: string, level: string): Logger {
  return pino({
    level,
    base: { service },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: ['*.secret', 'webhook.secret', 'headers.authorization'],
  });
}
