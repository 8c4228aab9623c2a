import { join } from 'node:path';
import type { WorkerSettings } from '#config';
import type { ModelRunner } from '#engine';
import { createOnnxModelRunner, DeviceError } from '#onnx-runner';
import type { GenerationMetrics } from '../generation/generation-metrics.js';
import { EXIT_CODES, StartupError } from './exit-codes.js';
import type { GracefulDrain } from './graceful-drain.js';
import type { PinnedVariant } from './startup-checks.js';

/** Loads the pinned variant onto its device. */
export async function openModelRunner(
  settings: WorkerSettings,
  variant: PinnedVariant,
  metrics: GenerationMetrics,
  drain: GracefulDrain,
): Promise<ModelRunner> {
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
