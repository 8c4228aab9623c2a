import { loadWorkerSettings, SettingsError } from '#config';
import { createLogger } from '#observability';
import { EXIT_CODES, StartupError } from './lifecycle/exit-codes.js';
import { drainOnSignal, GracefulDrain } from './lifecycle/graceful-drain.js';
import { checkStartup } from './lifecycle/startup-checks.js';
import { serveVariant } from './serve-variant.js';

async function main(): Promise<void> {
  const settings = loadWorkerSettings();
  const logger = createLogger('drover-worker', settings.DROVER_LOG_LEVEL);
  const drain = new GracefulDrain(logger);
  const exit = (outcome: 'drained' | 'forced' | 'unsound') => process.exit(EXIT_CODES[outcome]);
  drainOnSignal({ drain: () => drain.drain(), exit, logger });
  const leaveUnsound = () => void drain.drain().then(() => exit('unsound'));
  try {
    const variant = await checkStartup(settings);
    const url = await serveVariant({ settings, variant, logger, drain, leaveUnsound });
    const {
      DROVER_MODEL: model,
      DROVER_VARIANT: name,
      DROVER_DEVICE: device,
      DROVER_SLOTS: slots,
    } = settings;
    logger.info({ url, model, variant: name, device, slots, contextTokens: variant.contextTokens }, 'ready');
  } catch (error) {
    await drain.drain();
    throw error;
  }
}

function exitWith(error: unknown): never {
  if (error instanceof SettingsError) {
    console.error(error.message);
    process.exit(EXIT_CODES.settings);
  }
  const logger = createLogger('drover-worker', 'info');
  if (error instanceof StartupError) {
    logger.fatal(error.message);
    process.exit(error.exitCode);
  }
  logger.fatal({ err: error }, 'the worker cannot go on');
  process.exit(EXIT_CODES.unexpected);
}

process.on('uncaughtException', exitWith);
await main().catch(exitWith);
