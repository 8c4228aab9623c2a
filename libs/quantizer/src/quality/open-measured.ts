import type { KvCacheType } from '#contracts';
import { DeviceError, evaluateLogits, evaluatePagedLogits } from '#onnx-runner';
import type { MeasuredModel } from './measure-divergence.js';

/**
 * Loads a variant to be measured where it would run: one for GPUs on the first GPU of this machine. Null where there
 * is none that can run it.
 */
export async function openMeasured(
  modelPath: string,
  kvCache: KvCacheType,
  longestRow: number,
): Promise<MeasuredModel | null> {
  if (kvCache !== 'f16') return evaluateLogits({ modelPath });
  try {
    return await evaluatePagedLogits({ modelPath, device: 'webgpu', contextTokens: longestRow });
  } catch (error) {
    if (error instanceof DeviceError) return null;
    throw error;
  }
}
