import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DeviceError, formatDevice, type Device } from '../device.js';
import { checkStatus, createHandle, ortApi, type Pointer } from './ort-api.js';
import { ortLibraryFolder } from './ort-library.js';
import { loadNativeLibrary } from './native-library.js';
import { stringArray } from './native-memory.js';

type CudaDevice = Extract<Device, { kind: 'cuda' }>;

const [SHARED_FILE, CUDA_FILE] =
  process.platform === 'win32'
    ? (['onnxruntime_providers_shared.dll', 'onnxruntime_providers_cuda.dll'] as const)
    : (['libonnxruntime_providers_shared.so', 'libonnxruntime_providers_cuda.so'] as const);

const INSTALL = 'On Linux x64 run `ONNXRUNTIME_NODE_INSTALL=cuda12 npm ci`.';

/** Whether the provider's file is there; its own libraries may still be missing. */
export function hasCudaProvider(folder = ortLibraryFolder()): boolean {
  return existsSync(join(folder, CUDA_FILE));
}

/**
 * @throws DeviceError that names the file or library that is missing, and the command that brings it
 */
export function appendCuda(sessionOptions: Pointer, device: CudaDevice): void {
  const folder = ortLibraryFolder();
  const missing = [CUDA_FILE, SHARED_FILE].find((file) => !existsSync(join(folder, file)));
  if (missing !== undefined) {
    throw new DeviceError(
      formatDevice(device),
      `the CUDA provider is not installed: ${join(folder, missing)} is not there. ${INSTALL}`,
    );
  }
  // As nvidia-smi numbers the GPUs; CUDA's own default is the fastest first.
  process.env['CUDA_DEVICE_ORDER'] ??= 'PCI_BUS_ID';
  try {
    append(sessionOptions, device);
  } catch (error) {
    const reason = explainUnloadable(folder) ?? (error instanceof Error ? error.message : String(error));
    throw new DeviceError(formatDevice(device), reason, { cause: error });
  }
}

function append(sessionOptions: Pointer, device: CudaDevice): void {
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
  } finally {
    api.ReleaseCUDAProviderOptions(options);
  }
}

/**
 * Why the provider's files in a folder do not load, and what to do: ONNX Runtime says only that they do not. Undefined
 * where they do.
 */
export function explainUnloadable(folder: string): string | undefined {
  try {
    // The provider takes its symbols from the other one.
    for (const file of [SHARED_FILE, CUDA_FILE])
      loadNativeLibrary(join(folder, file), { global: true, lazy: true });
    return undefined;
  } catch (error) {
    return `${adviceFor(String(error))} (${error instanceof Error ? error.message : String(error)})`;
  }
}

function adviceFor(loaderMessage: string): string {
  const library = /(lib(?:cu\w+|nv\w+)[\w.-]*\.so[.\d]*): cannot open/.exec(loaderMessage)?.[1];
  if (library === undefined) {
    return `the CUDA provider does not load; its files are not those of this ONNX Runtime. Remove node_modules. ${INSTALL}`;
  }
  return (
    `the CUDA provider needs ${library}, which is not on this machine. Install CUDA 12 with cuDNN 9 ` +
    '(`apt-get install cuda-libraries-12-6 libcudnn9-cuda-12` from NVIDIA’s repository), or use an image that has ' +
    'them, such as nvidia/cuda:12.6.3-cudnn-runtime.'
  );
}
