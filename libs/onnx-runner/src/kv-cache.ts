import type { CacheTensor } from './model-contract.js';
import { elementBytes } from './ort/element-type.js';
import { releasePages } from './ort/release-pages.js';
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

/** One cache tensor of the model for all rows: [rows, kvHeads, contextTokens, headDim]. */
interface CacheLayer {
  readonly tensor: CacheTensor;
  readonly bytes: Buffer<ArrayBuffer>;
  /** Bytes of one token of one head, of one head and of one row. */
  readonly tokenBytes: number;
  readonly headBytes: number;
  readonly rowBytes: number;
}

/**
 * The keys and values of all sequences: one buffer for each cache tensor of the model. Rows are outermost, so a range
 * of rows is a view of the buffer. The buffers are virtual: the system gives them memory, a page at a time, when it is
 * first written (large allocations come zeroed from the system, untouched).
 */
export class KvCache {
  readonly #contextTokens: number;
  readonly #layers: readonly CacheLayer[];

  /**
   * @throws RangeError when there is no such room in the process's address space.
   */
  constructor(tensors: readonly CacheTensor[], rows: number, contextTokens: number) {
    this.#contextTokens = contextTokens;
    try {
      this.#layers = tensors.map((tensor) => allocate(tensor, rows, contextTokens));
    } catch (error) {
      const mebibytes = Math.ceil((rows * contextTokens * bytesPerToken(tensors)) / 2 ** 20);
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
    for (const { tensor, bytes, rowBytes } of this.#layers) {
      const shape = [rows, tensor.kvHeads, this.#contextTokens, tensor.headDim];
      const view = new Tensor(tensor.elementType, shape, bytes.buffer, firstRow * rowBytes);
      past[tensor.pastName] = view;
      present[tensor.presentName] = view;
    }
    return { past, present, close: () => closeAll(past) };
  }

  /** Copies the first `tokens` tokens of a row over those of another. */
  copyRow(from: number, to: number, tokens: number): void {
    for (const { tensor, bytes, tokenBytes, headBytes, rowBytes } of this.#layers) {
      for (let head = 0; head < tensor.kvHeads; head++) {
        const source = from * rowBytes + head * headBytes;
        bytes.copy(bytes, to * rowBytes + head * headBytes, source, source + tokens * tokenBytes);
      }
    }
  }

  /** Copies tokens of a row to `target`, from byte `offset` on: layer by layer, head by head. */
  save(row: number, startToken: number, tokens: number, target: Buffer, offset: number): void {
    let at = offset;
    for (const { tensor, bytes, tokenBytes, headBytes, rowBytes } of this.#layers) {
      for (let head = 0; head < tensor.kvHeads; head++) {
        const start = row * rowBytes + head * headBytes + startToken * tokenBytes;
        at += bytes.copy(target, at, start, start + tokens * tokenBytes);
      }
    }
  }

  /** Copies back what `save` wrote, to any row and place. */
  load(source: Buffer, offset: number, row: number, startToken: number, tokens: number): void {
    let at = offset;
    for (const { tensor, bytes, tokenBytes, headBytes, rowBytes } of this.#layers) {
      for (let head = 0; head < tensor.kvHeads; head++) {
        const start = row * rowBytes + head * headBytes + startToken * tokenBytes;
        at += source.copy(bytes, start, at, at + tokens * tokenBytes);
      }
    }
  }

  /** Gives a row's memory back to the system, where the system has a call for that; its tokens are lost. */
  release(row: number): void {
    for (const { bytes, rowBytes } of this.#layers) releasePages(bytes.buffer, row * rowBytes, rowBytes);
  }
}

/** Bytes that one token takes in all cache tensors together. */
export function bytesPerToken(tensors: readonly CacheTensor[]): number {
  return tensors.reduce((sum, tensor) => sum + tensor.kvHeads * headTokenBytes(tensor), 0);
}

function allocate(tensor: CacheTensor, rows: number, contextTokens: number): CacheLayer {
  const tokenBytes = headTokenBytes(tensor);
  const headBytes = contextTokens * tokenBytes;
  const rowBytes = tensor.kvHeads * headBytes;
  const bytes = Buffer.from(new ArrayBuffer(rows * rowBytes));
  return { tensor, bytes, tokenBytes, headBytes, rowBytes };
}

function headTokenBytes({ elementType, headDim }: CacheTensor): number {
  return elementBytes(elementType) * headDim;
}
