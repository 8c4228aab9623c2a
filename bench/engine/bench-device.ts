import { formatDevice, listGpus, parseDevice } from '#onnx-runner';

/** Where figures come from. */
export interface BenchDevice {
  readonly device: string;
  /** Null on the CPU, and where the GPU cannot be looked at. */
  readonly gpu: string | null;
  readonly driver: string | null;
}

/** @throws DeviceError where the text names no device. */
export async function describeBenchDevice(text: string): Promise<BenchDevice> {
  const parsed = parseDevice(text);
  const device = formatDevice(parsed);
  if (parsed.kind === 'cpu') return { device, gpu: null, driver: null };
  const { gpus } = await listGpus();
  const found = gpus.find(({ devices }) => devices.some((one) => formatDevice(one) === device));
  return { device, gpu: found?.name ?? null, driver: found?.driver ?? null };
}
