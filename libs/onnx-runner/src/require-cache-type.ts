import { DeviceError, formatDevice, type Device } from './device.js';
import type { CacheTensor } from './model-contract.js';

/**
 * ONNX Runtime 1.30's WebGPU attention reads floating-point caches only, and says so at its first run by a missing map
 * key.
 *
 * @throws DeviceError
 */
export function requireCacheType(device: Device, caches: readonly CacheTensor[]): void {
  if (device.kind !== 'webgpu') return;
  const unreadable = caches.find(({ elementType }) => !elementType.startsWith('float'));
  if (unreadable === undefined) return;
  throw new DeviceError(
    formatDevice(device),
    `its attention cannot read the model’s ${unreadable.elementType} cache. Serve the variant without \`-kv8\` in its ` +
      'name, or run this one on the CPU.',
  );
}
