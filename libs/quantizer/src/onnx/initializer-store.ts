import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { BYTES_PER_ELEMENT, type OnnxInitializer, type OnnxTensorShape } from './onnx-model.js';

const EXTERNAL_DATA_FILE = 'model.onnx.data';

/** Windows maps files at multiples of 64 KiB; smaller tensors would be mostly padding and stay in the model file. */
const ALIGNMENT = 64 * 1024;

/**
 * The weights of a model being written: large tensors stream to the external data file, small ones are kept to be
 * written inside `model.onnx`. One tensor is written at a time.
 */
export class InitializerStore {
  readonly initializers: OnnxInitializer[] = [];
  readonly #file: FileHandle;
  #end = 0;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  static async create(directory: string): Promise<InitializerStore> {
    return new InitializerStore(await open(join(directory, EXTERNAL_DATA_FILE), 'wx'));
  }

  /** Appends a tensor whose bytes come in pieces. Throws when they are not as many as its shape needs. */
  async add(
    tensor: OnnxTensorShape,
    pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  ): Promise<void> {
    const length = byteLength(tensor);
    if (length < ALIGNMENT) {
      const held: Uint8Array[] = [];
      for await (const piece of pieces) held.push(piece);
      const data = Buffer.concat(held);
      checkLength(tensor, length, data.byteLength);
      this.initializers.push({ ...tensor, data });
      return;
    }
    const offset = Math.ceil(this.#end / ALIGNMENT) * ALIGNMENT;
    let position = offset;
    for await (const piece of pieces) {
      await this.#writeAll(piece, position);
      position += piece.byteLength;
    }
    checkLength(tensor, length, position - offset);
    this.#end = position;
    this.initializers.push({ ...tensor, external: { location: EXTERNAL_DATA_FILE, offset, length } });
  }

  /** Flushes the data file to disk and closes it. */
  async close(): Promise<void> {
    await this.#file.sync();
    await this.#file.close();
  }

  async #writeAll(bytes: Uint8Array, position: number): Promise<void> {
    let done = 0;
    while (done < bytes.byteLength) {
      const { bytesWritten } = await this.#file.write(bytes, done, bytes.byteLength - done, position + done);
      done += bytesWritten;
    }
  }
}

function byteLength(tensor: OnnxTensorShape): number {
  return tensor.dims.reduce((a, b) => a * b, BYTES_PER_ELEMENT[tensor.type]);
}

function checkLength(tensor: OnnxTensorShape, expected: number, actual: number): void {
  if (expected !== actual) {
    throw new Error(`${tensor.name}: ${actual} bytes for a shape of ${expected}. This is a bug.`);
  }
}
