import type { LayerKvScales, LlamaConfig } from '#model-store';
import { evaluateLogits } from '#onnx-runner';
import { raiseKeyPeaks, raiseValuePeaks, toScales } from './channel-peaks.js';

export interface CalibrateKvCacheOptions {
  /** `model.onnx` of the variant with a float32 cache. */
  readonly modelPath: string;
  readonly config: LlamaConfig;
  /** At least one token each. */
  readonly rows: readonly Int32Array[];
  readonly signal?: AbortSignal | undefined;
  readonly onRow?: ((done: number, total: number) => void) | undefined;
}

/** Scales of an int8 cache by layer, from the largest keys and values that the rows bring about in each channel. */
export async function calibrateKvCache(options: CalibrateKvCacheOptions): Promise<LayerKvScales[]> {
  const { modelPath, config, rows, signal, onRow } = options;
  const { layers, keyValueHeads, headDim } = config;
  const channels = keyValueHeads * headDim;
  const peaks = Array.from({ length: layers }, () => ({
    keys: new Float64Array(channels),
    values: new Float64Array(channels),
  }));
  const model = await evaluateLogits({ modelPath });
  try {
    for (const [done, row] of rows.entries()) {
      signal?.throwIfAborted();
      onRow?.(done, rows.length);
      const caches = await model.runForCaches(row);
      for (const [layer, { keys, values }] of peaks.entries()) {
        raiseKeyPeaks(keys, caches.get(`present.${layer}.key`)!, headDim);
        raiseValuePeaks(values, caches.get(`present.${layer}.value`)!, headDim);
      }
    }
  } finally {
    await model.close();
  }
  return peaks.map(({ keys, values }) => ({ keys: toScales(keys), values: toScales(values) }));
}
