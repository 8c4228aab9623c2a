import { join } from 'node:path';
import type { ModelRunner } from '#engine';
import { createOnnxModelRunner, DeviceError } from '#onnx-runner';
import type { WorkerContext } from '../worker-context.js';
import { EXIT_CODES, StartupError } from './exit-codes.js';

/**
 * Loads the pinned variant onto its device.
 * @throws StartupError where the device cannot be used.
 */
export async function openModelRunner(worker: WorkerContext): Promise<ModelRunner> {
  const { settings, variant, metrics, drain } = worker;
  try {
    const runner = await createOnnxModelRunner({
      modelPath: join(variant.directory, 'model.onnx'),
      device: settings.DROVER_DEVICE,
      slots: settings.DROVER_SLOTS,
      contextTokens: variant.contextTokens,
      threads: settings.DROVER_THREADS,
    });
    drain.onDrain('model runner', () => runner.close());
    metrics.modelLoaded(runner.info);
    return runner;
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    throw new StartupError(
      EXIT_CODES.device,
      `DROVER_DEVICE=${settings.DROVER_DEVICE}: ${error.message}`,
      error,
    );
  }
}
