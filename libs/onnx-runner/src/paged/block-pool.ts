import type { DeviceMemory } from '../ort/device-memory.js';
import type { NamedTensors } from '../ort/session.js';
import { closeAll, type TensorValue } from '../ort/tensor.js';
import type { BlockTensor } from './paged-contract.js';

const FLOAT16_BYTES = 2;

/**
 * The keys and values of all sequences on the device, in blocks. A run binds them as past and present, so that
 * attention appends in place and nothing is copied.
 */
export class BlockPool {
  readonly past: NamedTensors;
  readonly present: NamedTensors;
  readonly blockTokens: number;

  /**
   * @throws OrtError where the device has no such room.
   */
  constructor(memory: DeviceMemory, caches: readonly BlockTensor[], blocks: number, blockTokens: number) {
    const past: Record<string, TensorValue> = {};
    const present: Record<string, TensorValue> = {};
    this.past = past;
    this.present = present;
    this.blockTokens = blockTokens;
    try {
      for (const { pastName, presentName, kvHeads, headDim } of caches) {
        const tensor = memory.allocate('float16', [blocks, blockTokens, kvHeads, headDim]);
        past[pastName] = tensor;
        present[presentName] = tensor;
      }
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    closeAll(this.past);
  }
}

/** Bytes of a block over all layers. */
export function bytesPerBlock(caches: readonly BlockTensor[], blockTokens: number): number {
  const elements = caches.reduce((sum, { kvHeads, headDim }) => sum + kvHeads * headDim, 0);
  return elements * blockTokens * FLOAT16_BYTES;
}
