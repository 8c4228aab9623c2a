import { join } from 'node:path';
import { variantDeviceOf } from '#contracts';
import type { ModelRunner, PagedRunner } from '#engine';
import {
  createOnnxModelRunner,
  createPagedRunner,
  DeviceError,
  formatDevice,
  isOutOfMemory,
} from '#onnx-runner';
import type { WorkerContext } from '../worker-context.js';
import { EXIT_CODES, StartupError } from './exit-codes.js';
import { cacheBudgetOf } from './memory-budget.js';

/**
 * Loads the pinned variant onto its device: one for GPUs over blocks there, any other one over slots.
 * @throws StartupError where the device cannot be used, or memory does not hold the model.
 */
export function openModelRunner(worker: WorkerContext): Promise<ModelRunner | PagedRunner> {
  return variantDeviceOf(worker.settings.DROVER_VARIANT) === 'gpu'
    ? openPagedRunner(worker)
    : openSlotRunner(worker);
}

export async function openSlotRunner(worker: WorkerContext): Promise<ModelRunner> {
  const { settings, metrics, drain } = worker;
  const runner = await orStartupError(settings.DROVER_DEVICE, () =>
    createOnnxModelRunner({
      ...commonOptions(worker),
      slots: settings.DROVER_SLOTS,
      threads: settings.DROVER_THREADS,
      prefixCacheBytes: cacheBudgetOf(settings).prefixCacheBytes,
    }),
  );
  drain.onDrain('model runner', () => runner.close());
  metrics.modelLoaded(runner.info);
  return runner;
}

async function openPagedRunner(worker: WorkerContext): Promise<PagedRunner> {
  const { settings, metrics, drain } = worker;
  const sequences = settings.DROVER_SLOTS;
  const runner = await orStartupError(settings.DROVER_DEVICE, () =>
    createPagedRunner({
      ...commonOptions(worker),
      sequences,
      stepTokens: sequences + settings.DROVER_PREFILL_CHUNK,
    }),
  );
  drain.onDrain('model runner', () => runner.close());
  metrics.modelLoaded(runner.info);
  return runner;
}

function commonOptions({ device, variant }: WorkerContext) {
  const { directory, contextTokens, kvCacheBytes } = variant;
  return {
    modelPath: join(directory, 'model.onnx'),
    device: formatDevice(device.device),
    contextTokens,
    ...(kvCacheBytes === undefined ? {} : { kvCacheBytes }),
  };
}

async function orStartupError<T>(device: string, open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    throw toStartupError(error, device);
  }
}

/** The error with the exit code of its cause; any other as it is. */
export function toStartupError(error: unknown, device: string): unknown {
  if (error instanceof DeviceError) {
    return new StartupError(EXIT_CODES.device, `DROVER_DEVICE=${device}: ${error.message}`, error);
  }
  if (!isOutOfMemory(error)) return error;
  const nextStep = 'Lower DROVER_SLOTS, DROVER_CONTEXT or DROVER_KV_CACHE_MIB, or serve a smaller variant.';
  return new StartupError(EXIT_CODES.memoryTooSmall, `${error.message}. ${nextStep}`, error);
}
