import { DeviceError, formatDevice, type Device } from '../device.js';
import { exposeAdapter } from '../devices/expose-adapter.js';
import { appendCuda } from './cuda-provider.js';
import { checkStatus, ortApi, type Pointer } from './ort-api.js';
import { OrtError } from './ort-error.js';

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
  exposeAdapter(device.index);
  checkStatus(
    ortApi().SessionOptionsAppendExecutionProvider(sessionOptions, 'WebGPU', null, null, 0),
    'add the WebGPU provider',
  );
}

const FAULTS = [
  {
    sign: 'WebGPU adapter',
    meaning:
      'there is no WebGPU adapter. On Linux it needs a Vulkan driver and loader: that of a GPU, or for software ' +
      'rendering `mesa-vulkan-drivers` 25 and `libvulkan1`.',
  },
  {
    sign: 'requires f16 but the device does not support it',
    meaning:
      'it cannot compute with 16-bit floats, which this model needs. A newer driver may; else use another device.',
  },
] as const;

/** What the failure of a session means, if it is the device that is missing or cannot run the model. */
export function asDeviceError(device: Device, error: unknown): unknown {
  if (device.kind !== 'webgpu' || !(error instanceof OrtError)) return error;
  const fault = FAULTS.find(({ sign }) => error.message.includes(sign));
  if (fault === undefined) return error;
  return new DeviceError(formatDevice(device), `${fault.meaning} ${error.message}`, { cause: error });
}
