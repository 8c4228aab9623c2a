import { loadWorkerSettings } from '#config';
import { createLogger } from '#observability';
import type { Gpu } from '#onnx-runner';
import { openDevice } from '../../apps/worker/src/device/open-device.js';
import { EXIT_CODES, StartupError } from '../../apps/worker/src/lifecycle/exit-codes.js';
import { drainOnSignal, GracefulDrain } from '../../apps/worker/src/lifecycle/graceful-drain.js';
import { openModelRunner } from '../../apps/worker/src/lifecycle/open-model-runner.js';
import { checkStartup } from '../../apps/worker/src/lifecycle/startup-checks.js';
import { newWorkerId } from '../../apps/worker/src/lifecycle/worker-state.js';
import { serveVariant } from '../../apps/worker/src/serve-variant.js';

/** A worker, whole but for a host that it believes to have two GPUs; its model runs on the CPU. */
const listTwoGpus = async () => ({ gpus: [fakeGpu('a', 0), fakeGpu('b', 1)], problems: [] });

function fakeGpu(letter: string, index: number): Gpu {
  return {
    uuid: `00000000-0000-4000-8000-00000000000${letter}`,
    name: `Test GPU ${letter.toUpperCase()}`,
    kind: 'discrete',
    driver: 'test 1.0',
    memoryBytes: 2 ** 34,
    availableBytes: 2 ** 34,
    devices: [{ kind: 'webgpu', index }],
  };
}

const settings = loadWorkerSettings();
const logger = createLogger('gpu-worker', settings.DROVER_LOG_LEVEL);
const drain = new GracefulDrain(logger);
drainOnSignal({ drain: () => drain.drain(), exit: () => process.exit(), logger });
try {
  const workerId = newWorkerId();
  const device = await openDevice({ settings, workerId, logger, drain }, listTwoGpus);
  const variant = await checkStartup(settings, device);
  const leaveUnsound = () => process.exit(EXIT_CODES.unsound);
  const facts = { settings, workerId, device, variant, logger, drain, leaveUnsound };
  await serveVariant(facts, (worker) =>
    openModelRunner({ ...worker, device: { device: { kind: 'cpu' }, gpu: null } }),
  );
} catch (error) {
  logger.fatal({ err: error }, 'the worker cannot start');
  process.exit(error instanceof StartupError ? error.exitCode : 1);
}
