import { loadWorkerSettings, SettingsError } from '#config';
import { createLogger } from '#observability';
import { formatDevice } from '#onnx-runner';
import { openDevice } from './device/open-device.js';
import { EXIT_CODES, StartupError } from './lifecycle/exit-codes.js';
import { drainOnSignal, GracefulDrain } from './lifecycle/graceful-drain.js';
import { checkStartup } from './lifecycle/startup-checks.js';
import { newWorkerId } from './lifecycle/worker-state.js';
import { serveVariant } from './serve-variant.js';
import type { WorkerFacts } from './worker-context.js';

async function main(): Promise<void> {
  const settings = loadWorkerSettings();
  const logger = createLogger('drover-worker', settings.DROVER_LOG_LEVEL);
  const drain = new GracefulDrain(logger);
  const exit = (outcome: 'drained' | 'forced' | 'unsound') => process.exit(EXIT_CODES[outcome]);
  drainOnSignal({ drain: () => drain.drain(), exit, logger });
  const leaveUnsound = () => void drain.drain().then(() => exit('unsound'));
  try {
    const workerId = newWorkerId();
    const device = await openDevice({ settings, workerId, logger, drain });
    const variant = await checkStartup(settings, device);
    const facts = { settings, workerId, device, variant, logger, drain, leaveUnsound };
    const url = await serveVariant(facts);
    logReady(facts, url);
  } catch (error) {
    await drain.drain();
    throw error;
  }
}

function logReady({ settings, device, variant: { contextTokens }, logger }: WorkerFacts, url: string): void {
  const { DROVER_MODEL: model, DROVER_VARIANT: variant, DROVER_SLOTS: slots } = settings;
  const { gpu } = device;
  logger.info(
    { url, model, variant, device: formatDevice(device.device), gpu: gpu?.name, slots, contextTokens },
    'ready',
  );
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
