import { join } from 'node:path';
import { createOnnxModelRunner } from '#onnx-runner';
import { measureEngine } from '../support/measure-engine.js';
import type { MeasuredSystem, SystemOptions } from './measured-system.js';

/** The product's engine over its own runner, as a worker has them. No text is made of the tokens. */
export async function openOurs(options: SystemOptions): Promise<MeasuredSystem> {
  const { onnxDirectory, slots, contextTokens, threads } = options;
  const modelPath = join(onnxDirectory, 'model.onnx');
  const runner = await createOnnxModelRunner({
    modelPath,
    device: 'cpu',
    slots,
    contextTokens,
    threads,
    prefixCacheBytes: slots * contextTokens * options.cacheTokenBytes,
  });
  return {
    measure: (load) => measureEngine(runner, load, () => ({ push: () => '', flush: () => '' })),
    close: () => runner.close(),
  };
}
