import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DeviceError, formatDevice, type Device } from '../device.js';
import { checkStatus, createHandle, ortApi, type Pointer } from './ort-api.js';
import { ortLibraryFolder } from './ort-library.js';
import { stringArray } from './native-memory.js';
import { OrtError } from './ort-error.js';

const CUDA_PROVIDER_FILE =
  process.platform === 'win32' ? 'onnxruntime_providers_cuda.dll' : 'libonnxruntime_providers_cuda.so';

/**
 * Makes a session run on `device`. Operators that the device's provider lacks stay on the CPU.
 *
 * @throws DeviceError where this machine's ONNX Runtime cannot drive the device.
 */
export function appendExecutionProvider(sessionOptions: Pointer, device: Device): void {
  switch (device.kind) {
    case 'cpu':
      return;
    case 'webgpu':
      return appendWebGpu(sessionOptions, device);
    case 'cuda':
      return appendCuda(sessionOptions, device);
    default:
      device satisfies never;
  }
}

function appendWebGpu(sessionOptions: Pointer, device: Extract<Device, { kind: 'webgpu' }>): void {
  // The provider's own `deviceId` numbers contexts that the caller made, not the adapters of the machine.
  if (device.index !== 0) {
    throw new DeviceError(
      formatDevice(device),
      'ONNX Runtime takes the first WebGPU adapter. Use `webgpu` and choose the adapter by environment: ' +
        'VK_DRIVER_FILES or MESA_VK_DEVICE_SELECT on Linux.',
    );
  }
  checkStatus(
    ortApi().SessionOptionsAppendExecutionProvider(sessionOptions, 'WebGPU', null, null, 0),
    'add the WebGPU provider',
  );
}

/** What the failure to open a session means, if it is the device that is missing. */
export function asDeviceError(device: Device, error: unknown): unknown {
  if (device.kind !== 'webgpu' || !(error instanceof OrtError)) return error;
  if (!error.message.includes('WebGPU adapter')) return error;
  return new DeviceError(
    formatDevice(device),
    'there is no WebGPU adapter. On Linux it needs a Vulkan driver and loader: that of a GPU, or for software ' +
      `rendering \`mesa-vulkan-drivers\` 25 and \`libvulkan1\`. ${error.message}`,
    { cause: error },
  );
}

function appendCuda(sessionOptions: Pointer, device: Extract<Device, { kind: 'cuda' }>): void {
  const providerPath = join(ortLibraryFolder(), CUDA_PROVIDER_FILE);
  if (!existsSync(providerPath)) {
    throw new DeviceError(
      formatDevice(device),
      `the CUDA provider is not installed: ${providerPath} is not there. On Linux x64 run ` +
        '`ONNXRUNTIME_NODE_INSTALL=cuda12 npm ci`.',
    );
  }
  const api = ortApi();
  const options = createHandle('make CUDA options', (out) => api.CreateCUDAProviderOptions(out));
  try {
    const keys = stringArray(['device_id']);
    const values = stringArray([String(device.index)]);
    checkStatus(
      api.UpdateCUDAProviderOptions(options, keys.address, values.address, keys.count),
      'set the CUDA device',
    );
    checkStatus(
      api.SessionOptionsAppendExecutionProvider_CUDA_V2(sessionOptions, options),
      'add the CUDA provider',
    );
  } catch (error) {
    throw new DeviceError(formatDevice(device), error instanceof Error ? error.message : '', {
      cause: error,
    });
  } finally {
    api.ReleaseCUDAProviderOptions(options);
  }
}
