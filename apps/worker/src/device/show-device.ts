import type { WorkerMetrics } from '#observability';
import { formatDevice } from '#onnx-runner';
import type { WorkerDevice } from './open-device.js';

export function showDevice(metrics: WorkerMetrics, { device, gpu }: WorkerDevice): void {
  const { uuid = '', name = '', driver = '' } = gpu ?? {};
  metrics.device.set({ device: formatDevice(device), uuid, name, driver }, 1);
  if (gpu === null) metrics.deviceMemoryBytes.remove();
  else metrics.deviceMemoryBytes.set(gpu.memoryBytes);
}
