import { Tensor } from './ort/tensor.js';

export type LogitsType = 'float32' | 'float16';

/**
 * Memory for rows of logits that runs write: the same from step to step, and float32 for its readers whatever the
 * model writes. Rows not yet asked for take no memory.
 */
export class LogitsRows {
  readonly #type: LogitsType;
  readonly #vocabSize: number;
  #capacity = 0;
  #float32 = new Float32Array();
  #float16: Float16Array<ArrayBuffer> | undefined;

  constructor(type: LogitsType, vocabSize: number, rows: number) {
    this.#type = type;
    this.#vocabSize = vocabSize;
    this.reserve(rows);
  }

  /** Makes room for so many rows. Rows read so far stay valid; tensors made so far do not follow. */
  reserve(rows: number): void {
    if (rows <= this.#capacity) return;
    const elements = rows * this.#vocabSize;
    this.#capacity = rows;
    this.#float32 = new Float32Array(new ArrayBuffer(elements * 4));
    if (this.#type === 'float16') this.#float16 = new Float16Array(new ArrayBuffer(elements * 2));
  }

  /** An output [batch, positions, vocabSize] over rows from `firstRow` on. */
  tensor(firstRow: number, batch: number, positions: number): Tensor {
    const { buffer, BYTES_PER_ELEMENT } = this.#float16 ?? this.#float32;
    const shape = [batch, positions, this.#vocabSize];
    return new Tensor(this.#type, shape, buffer, firstRow * this.#vocabSize * BYTES_PER_ELEMENT);
  }

  row(index: number): Float32Array {
    const start = index * this.#vocabSize;
    const end = start + this.#vocabSize;
    const row = this.#float32.subarray(start, end);
    if (this.#float16 !== undefined) row.set(this.#float16.subarray(start, end));
    return row;
  }
}
