import type { LibraryHandle } from 'koffi';
import { loadNativeLibrary } from '../ort/native-library.js';
import { addressOf } from '../ort/native-memory.js';
import type { Pointer } from '../ort/ort-api.js';

/** What of Vulkan describes devices. Struct sizes, offsets and numbers are those of `vulkan_core.h` on 64 bits. */
export interface VulkanApi {
  readonly createInstance: (info: Uint8Array, allocator: null, out: [Pointer | null]) => number;
  readonly destroyInstance: (instance: Pointer, allocator: null) => void;
  readonly enumeratePhysicalDevices: (
    instance: Pointer,
    count: [number],
    devices: BigUint64Array | null,
  ) => number;
  readonly enumerateExtensions: (
    device: Pointer,
    layer: null,
    count: [number],
    extensions: Uint8Array | null,
  ) => number;
  readonly getProperties: (device: Pointer, properties: Uint8Array) => void;
  readonly getMemoryProperties: (device: Pointer, properties: Uint8Array) => void;
}

const LOADER_FILE = 'libvulkan.so.1';

/** The handle is never read, only held. */
let loaded: { readonly api: VulkanApi; readonly handle: LibraryHandle } | undefined;

/** Undefined where this machine has no Vulkan loader. */
export function vulkanApi(): VulkanApi | undefined {
  loaded ??= loadVulkan();
  return loaded?.api;
}

function loadVulkan(): typeof loaded {
  let handle: LibraryHandle;
  try {
    handle = loadNativeLibrary(LOADER_FILE);
  } catch {
    return undefined;
  }
  const api = {
    createInstance: handle.func('int vkCreateInstance(void *info, void *allocator, _Out_ void **instance)'),
    destroyInstance: handle.func('void vkDestroyInstance(void *instance, void *allocator)'),
    enumeratePhysicalDevices: handle.func(
      'int vkEnumeratePhysicalDevices(void *instance, _Inout_ uint32_t *count, void *devices)',
    ),
    enumerateExtensions: handle.func(
      'int vkEnumerateDeviceExtensionProperties(void *device, void *layer, _Inout_ uint32_t *count, void *extensions)',
    ),
    getProperties: handle.func('void vkGetPhysicalDeviceProperties2(void *device, void *properties)'),
    getMemoryProperties: handle.func(
      'void vkGetPhysicalDeviceMemoryProperties2(void *device, void *properties)',
    ),
  };
  return { api, handle };
}

/** A Vulkan struct: its type first, then the address of the next one in a chain, then its fields. */
export class VulkanStruct {
  /** To be passed to native code, which holds it for the length of the call. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  /** What this struct points to, so that it lives as long. */
  readonly #held: VulkanStruct[] = [];

  constructor(structureType: number, byteLength: number) {
    this.bytes = new Uint8Array(new ArrayBuffer(byteLength));
    this.#view = new DataView(this.bytes.buffer);
    this.setUint32(0, structureType);
  }

  /** Native code that fills this struct then fills `next` too, if there is one. */
  chain(next: VulkanStruct | null): this {
    return next === null ? this : this.pointTo(8, next);
  }

  pointTo(offset: number, target: VulkanStruct): this {
    this.#held.push(target);
    this.#view.setBigUint64(offset, addressOf(target.bytes.buffer), true);
    return this;
  }

  setUint32(offset: number, value: number): this {
    this.#view.setUint32(offset, value, true);
    return this;
  }

  uint32(offset: number): number {
    return this.#view.getUint32(offset, true);
  }

  /** Exact up to 2^53, which is more than any memory has bytes. */
  uint64(offset: number): number {
    return Number(this.#view.getBigUint64(offset, true));
  }

  /** A zero-terminated string in a field of so many bytes. */
  text(offset: number, byteLength: number): string {
    return zeroTerminated(this.bytes.subarray(offset, offset + byteLength));
  }

  hex(offset: number, byteLength: number): string {
    return Buffer.from(this.bytes.buffer, offset, byteLength).toString('hex');
  }
}

export function zeroTerminated(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(end === -1 ? bytes : bytes.subarray(0, end)).toString('utf8');
}
