import { formatDevice, type GpuDevice } from '../device.js';
import { elementTypeCode, type ElementType } from './element-type.js';
import { createHandle, ortApi, type Pointer } from './ort-api.js';
import type { TensorValue } from './tensor.js';

/** ONNX Runtime's names of the memory that its providers allocate. */
const MEMORY_NAMES = { webgpu: 'WebGPU_Buf', cuda: 'Cuda' } satisfies Record<GpuDevice['kind'], string>;

const DEVICE_ALLOCATOR = 0;
const DEFAULT_MEMORY = 0;

/** A tensor in the memory of a device: what runs write there stays there, until it is an input of the next. */
export class DeviceTensor implements TensorValue {
  readonly shape: readonly number[];
  #handle: Pointer | undefined;

  constructor(handle: Pointer, shape: readonly number[]) {
    this.#handle = handle;
    this.shape = shape;
  }

  get handle(): Pointer {
    if (this.#handle === undefined) throw new Error(`Device tensor [${this.shape.join(', ')}] is closed.`);
    return this.#handle;
  }

  close(): void {
    if (this.#handle === undefined) return;
    ortApi().ReleaseValue(this.#handle);
    this.#handle = undefined;
  }
}

/** Allocates on the device of a session. Tensors are closed before it, and it before the session. */
export class DeviceMemory {
  readonly #device: GpuDevice;
  readonly #memoryInfo: Pointer;
  #allocator: Pointer | undefined;

  constructor(session: Pointer, device: GpuDevice) {
    this.#device = device;
    const api = ortApi();
    // WebGPU's memory has one number, whichever adapter is behind it.
    const index = device.kind === 'cuda' ? device.index : 0;
    this.#memoryInfo = createHandle('describe device memory', (out) =>
      api.CreateMemoryInfo(MEMORY_NAMES[device.kind], DEVICE_ALLOCATOR, index, DEFAULT_MEMORY, out),
    );
    try {
      this.#allocator = createHandle(`find the memory of ${formatDevice(device)}`, (out) =>
        api.CreateAllocator(session, this.#memoryInfo, out),
      );
    } catch (error) {
      api.ReleaseMemoryInfo(this.#memoryInfo);
      throw error;
    }
  }

  /**
   * A tensor of zeros or of whatever was there before.
   *
   * @throws OrtError where the device has no such room.
   */
  allocate(type: ElementType, shape: readonly number[]): DeviceTensor {
    const allocator = this.#allocator;
    if (allocator === undefined) throw new Error('The device memory is closed.');
    const operation = `make a ${type} tensor [${shape.join(', ')}] on ${formatDevice(this.#device)}`;
    const dimensions = BigInt64Array.from(shape, BigInt);
    const handle = createHandle(operation, (out) =>
      ortApi().CreateTensorAsOrtValue(allocator, dimensions, shape.length, elementTypeCode(type), out),
    );
    return new DeviceTensor(handle, shape);
  }

  close(): void {
    if (this.#allocator === undefined) return;
    ortApi().ReleaseAllocator(this.#allocator);
    ortApi().ReleaseMemoryInfo(this.#memoryInfo);
    this.#allocator = undefined;
  }
}
