import { AUTO_KINDS, DeviceError, formatDevice, parseDevice, type Device, type Gpu } from '#onnx-runner';

export type DeviceChoice =
  | { readonly kind: 'cpu' }
  /** `gpu` is null where nothing is known of it: its provider says then whether it is there. */
  | { readonly kind: 'named'; readonly device: Device; readonly gpu: Gpu | null }
  /** Any of these that is free, the best first. */
  | { readonly kind: 'any'; readonly gpus: readonly Gpu[] };

/**
 * What DROVER_DEVICE means on a machine with these GPUs.
 *
 * @throws DeviceError where it names a GPU that is not among those of its kind
 */
export function chooseDevice(setting: string, gpus: readonly Gpu[]): DeviceChoice {
  if (setting === 'auto') return chooseAny(gpus);
  const device = parseDevice(setting);
  if (device.kind === 'cpu') return { kind: 'cpu' };
  const ofKind = gpus.filter(({ devices }) => devices.some(({ kind }) => kind === device.kind));
  const gpu = ofKind.find(({ devices }) => devices.some((one) => formatDevice(one) === formatDevice(device)));
  if (gpu === undefined && ofKind.length > 0) {
    throw new DeviceError(setting, `there is no such GPU. There are: ${describeGpus(ofKind, device.kind)}.`);
  }
  return { kind: 'named', device, gpu: gpu ?? null };
}

function chooseAny(gpus: readonly Gpu[]): DeviceChoice {
  const own = gpus
    .filter(({ kind }) => AUTO_KINDS.includes(kind))
    .toSorted(
      (a, b) => AUTO_KINDS.indexOf(a.kind) - AUTO_KINDS.indexOf(b.kind) || b.memoryBytes - a.memoryBytes,
    );
  return own.length === 0 ? { kind: 'cpu' } : { kind: 'any', gpus: own };
}

/** `cuda:0 (NVIDIA L4), cuda:1 (NVIDIA L4)` */
function describeGpus(gpus: readonly Gpu[], kind: Device['kind']): string {
  return gpus
    .flatMap(({ devices, name }) =>
      devices.filter((device) => device.kind === kind).map((device) => `${formatDevice(device)} (${name})`),
    )
    .join(', ');
}
