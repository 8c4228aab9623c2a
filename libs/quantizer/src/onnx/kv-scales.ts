import type { KvCacheFormat, LlamaConfig } from '#model-store';
import { bytesOf } from './bytes-of.js';
import { keyScalesName, valueScalesName } from './initializer-names.js';
import type { OnnxInitializer } from './onnx-model.js';

/** The scales of an int8 cache as the graph reads them: float32 `[kvHeads, 1, headDim]` for keys and for values. */
export function kvScaleInitializers(config: LlamaConfig, kvCache: KvCacheFormat): OnnxInitializer[] {
  if (kvCache.type !== 'int8') return [];
  return kvCache.scales.flatMap(({ keys, values }, layer) => [
    toInitializer(keyScalesName(layer), keys, config),
    toInitializer(valueScalesName(layer), values, config),
  ]);
}

function toInitializer(name: string, scales: readonly number[], config: LlamaConfig): OnnxInitializer {
  const dims = [config.keyValueHeads, 1, config.headDim];
  return { name, type: 'float32', dims, data: bytesOf(Float32Array.from(scales)) };
}
