import { loadApiSettings, SettingsError, type ApiSettings } from '#config';
import { createLogger, type Logger } from '#observability';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createApi } from './create-api.js';
import { listenAddressOf } from './lifecycle/api-listen-address.js';

/** Exit code of a wrong configuration: a restart would not help (sysexits' EX_CONFIG). */
const EXIT_CONFIG = 78;
/** Time beyond the drain for connections to Redis to close. */
const OVERTIME_MS = 2_000;

try {
  const settings = loadApiSettings();
  const host = listenAddressOf(settings);
  const logger = createLogger('drover-api', settings.DROVER_LOG_LEVEL);
  const app = await createApi(settings, logger);
  closeOnSignals(app, settings, logger);
  await app.listen(settings.DROVER_API_PORT, host);
  logger.info({ url: await app.getUrl() }, 'API ready');
  if (settings.DROVER_API_KEYS.length === 0) {
    logger.warn({ host }, 'no DROVER_API_KEYS are set: open to this machine only');
  }
} catch (error) {
  if (!(error instanceof SettingsError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = EXIT_CONFIG;
}

/** The first signal drains; a second one, or a drain that takes too long, ends the process at once. */
function closeOnSignals(app: NestFastifyApplication, settings: ApiSettings, logger: Logger): void {
  const overdueMs = settings.DROVER_DRAIN_S * 1_000 + OVERTIME_MS;
  let closing = false;
  const close = async (signal: NodeJS.Signals) => {
    if (closing) process.exit(1);
    closing = true;
    logger.info({ signal }, 'draining');
    const overdue = setTimeout(() => {
      logger.error('drain took too long; ending now');
      process.exit(1);
    }, overdueMs);
    await app.close();
    clearTimeout(overdue);
    logger.info('API stopped');
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      close(signal).catch((error: unknown) => {
        logger.error({ err: error }, 'shutdown failed');
        process.exit(1);
      });
    });
  }
}
