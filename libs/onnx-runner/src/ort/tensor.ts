import { elementBytes, elementTypeCode, type ElementType } from './element-type.js';
import { addressOf } from './native-memory.js';
import { createHandle, ortApi, type Pointer } from './ort-api.js';

/** An `OrtValue`, wherever its memory is. */
export interface TensorValue {
  /** @throws Error once it is closed. */
  readonly handle: Pointer;
  close(): void;
}

/**
 * An `OrtValue` over memory that this process owns: ONNX Runtime reads and writes the buffer itself, nothing is
 * copied. Many tensors may look at one buffer. The tensor keeps its buffer alive; `close` frees the `OrtValue`.
 */
export class Tensor implements TensorValue {
  readonly buffer: ArrayBuffer;
  readonly shape: readonly number[];
  #handle: Pointer | undefined;

  /**
   * @param byteOffset where the first element lies in `buffer`
   * @throws RangeError when the shape does not fit the buffer.
   */
  constructor(type: ElementType, shape: readonly number[], buffer: ArrayBuffer, byteOffset = 0) {
    const byteLength = elementBytes(type) * shape.reduce((product, dimension) => product * dimension, 1);
    if (byteOffset + byteLength > buffer.byteLength) {
      throw new RangeError(
        `A ${type} tensor [${shape.join(', ')}] at byte ${byteOffset} needs ${byteOffset + byteLength} bytes; ` +
          `the buffer has ${buffer.byteLength}.`,
      );
    }
    this.buffer = buffer;
    this.shape = shape;
    this.#handle = createValue(type, shape, addressOf(buffer) + BigInt(byteOffset), byteLength);
  }

  get handle(): Pointer {
    if (this.#handle === undefined) throw new Error(`Tensor [${this.shape.join(', ')}] is closed.`);
    return this.#handle;
  }

  close(): void {
    if (this.#handle === undefined) return;
    ortApi().ReleaseValue(this.#handle);
    this.#handle = undefined;
  }
}

function createValue(
  type: ElementType,
  shape: readonly number[],
  address: Pointer,
  byteLength: number,
): Pointer {
  const api = ortApi();
  const dimensions = BigInt64Array.from(shape, BigInt);
  return createHandle(`make a ${type} tensor [${shape.join(', ')}]`, (out) =>
    api.CreateTensorWithDataAsOrtValue(
      cpuMemoryInfo(),
      address,
      byteLength,
      dimensions,
      shape.length,
      elementTypeCode(type),
      out,
    ),
  );
}

let cpuMemory: Pointer | undefined;

/** Describes "plain CPU memory" to ONNX Runtime; one for the process, like the library itself. */
function cpuMemoryInfo(): Pointer {
  const DEVICE_ALLOCATOR = 0;
  const DEFAULT_MEMORY = 0;
  cpuMemory ??= createHandle('describe CPU memory', (out) =>
    ortApi().CreateCpuMemoryInfo(DEVICE_ALLOCATOR, DEFAULT_MEMORY, out),
  );
  return cpuMemory;
}

/** A tensor over a range of a typed array, which must lie in an `ArrayBuffer` of its own making. */
export function tensorOver(
  type: ElementType,
  shape: readonly number[],
  array: BigInt64Array | Int32Array | Float32Array,
  firstElement = 0,
): Tensor {
  if (!(array.buffer instanceof ArrayBuffer)) throw new TypeError('A tensor needs an ArrayBuffer.');
  return new Tensor(type, shape, array.buffer, array.byteOffset + firstElement * array.BYTES_PER_ELEMENT);
}

export function closeAll(tensors: Readonly<Record<string, TensorValue>>): void {
  Object.values(tensors).forEach((tensor) => tensor.close());
}
