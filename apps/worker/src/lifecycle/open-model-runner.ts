import { join } from 'node:path';
import type { ModelRunner } from '#engine';
import { createOnnxModelRunner, DeviceError, formatDevice, isOutOfMemory } from '#onnx-runner';
import type { WorkerContext } from '../worker-context.js';
import { EXIT_CODES, StartupError } from './exit-codes.js';
import { cacheBudgetOf } from './memory-budget.js';

/**
 * Loads the pinned variant onto its device.
 * @throws StartupError where the device cannot be used, or memory does not hold the model.
 */
export async function openModelRunner(worker: WorkerContext): Promise<ModelRunner> {
  const { settings, device, variant, metrics, drain } = worker;
  const { kvCacheBytes, prefixCacheBytes } = cacheBudgetOf(settings);
  try {
    const runner = await createOnnxModelRunner({
      modelPath: join(variant.directory, 'model.onnx'),
      device: formatDevice(device.device),
      slots: settings.DROVER_SLOTS,
      contextTokens: variant.contextTokens,
      threads: settings.DROVER_THREADS,
      ...(kvCacheBytes === undefined ? {} : { kvCacheBytes }),
      prefixCacheBytes,
    });
    drain.onDrain('model runner', () => runner.close());
    metrics.modelLoaded(runner.info);
    return runner;
  } catch (error) {
    throw toStartupError(error, settings.DROVER_DEVICE);
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
