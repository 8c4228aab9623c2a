import type { CacheTensor } from './model-contract.js';
import { elementBytes } from './ort/element-type.js';
import type { NamedTensors } from './ort/session.js';
import { Tensor, closeAll } from './ort/tensor.js';

/**
 * A range of cache rows as a run sees it: past and present are the same memory, so that attention appends in place
 * and nothing is copied.
 */
export interface CacheView {
  readonly past: NamedTensors;
  readonly present: NamedTensors;
  close(): void;
}

/**
 * The keys and values of all sequences: for each cache tensor of the model one buffer
 * [rows, kvHeads, contextTokens, headDim]. Rows are outermost, so a range of rows is a view of the buffer.
 */
export class KvCache {
  readonly bytes: number;
  readonly #contextTokens: number;
  readonly #layers: readonly { readonly tensor: CacheTensor; readonly buffer: ArrayBuffer }[];

  /**
   * @throws RangeError when there is not so much memory.
   */
  constructor(tensors: readonly CacheTensor[], rows: number, contextTokens: number) {
    const bytesOf = (tensor: CacheTensor) => rows * rowBytes(tensor, contextTokens);
    this.bytes = tensors.reduce((sum, tensor) => sum + bytesOf(tensor), 0);
    this.#contextTokens = contextTokens;
    try {
      this.#layers = tensors.map((tensor) => ({ tensor, buffer: new ArrayBuffer(bytesOf(tensor)) }));
    } catch (error) {
      const mebibytes = Math.ceil(this.bytes / 2 ** 20);
      throw new RangeError(
        `The cache of ${rows} rows of ${contextTokens} tokens needs ${mebibytes} MiB, which this process cannot ` +
          'get. Take fewer slots or a shorter context.',
        { cause: error },
      );
    }
  }

  view(firstRow: number, rows: number): CacheView {
    const past: Record<string, Tensor> = {};
    const present: Record<string, Tensor> = {};
    for (const { tensor, buffer } of this.#layers) {
      const shape = [rows, tensor.kvHeads, this.#contextTokens, tensor.headDim];
      const firstByte = firstRow * rowBytes(tensor, this.#contextTokens);
      const view = new Tensor(tensor.elementType, shape, buffer, firstByte);
      past[tensor.pastName] = view;
      present[tensor.presentName] = view;
    }
    return { past, present, close: () => closeAll(past) };
  }
}

function rowBytes({ elementType, kvHeads, headDim }: CacheTensor, contextTokens: number): number {
  return elementBytes(elementType) * kvHeads * contextTokens * headDim;
}
