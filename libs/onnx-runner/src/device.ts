/** Where a model runs: the CPU, or one of the GPUs by its number. */
export type Device =
  | { readonly kind: 'cpu' }
  | { readonly kind: 'webgpu'; readonly index: number }
  | { readonly kind: 'cuda'; readonly index: number };

/** A device string that is not one, or a device that this machine does not have. Says what to do about it. */
export class DeviceError extends Error {
  override readonly name = 'DeviceError';
  readonly device: string;

  constructor(device: string, reason: string, options?: ErrorOptions) {
    super(`Device "${device}": ${reason}`, options);
    this.device = device;
  }
}

/**
 * Parses `cpu`, `webgpu`, `webgpu:1`, `cuda`, `cuda:1`.
 *
 * @throws DeviceError
 */
export function parseDevice(text: string): Device {
  const match = /^(?:(?<cpu>cpu)|(?<gpu>webgpu|cuda)(?::(?<index>\d{1,3}))?)$/.exec(text);
  if (match === null) throw new DeviceError(text, 'not one of `cpu`, `webgpu[:n]`, `cuda[:n]`.');
  if (match.groups?.['cpu'] !== undefined) return { kind: 'cpu' };
  const kind = match.groups?.['gpu'] === 'cuda' ? 'cuda' : 'webgpu';
  return { kind, index: Number(match.groups?.['index'] ?? 0) };
}

export function formatDevice(device: Device): string {
  return device.kind === 'cpu' ? 'cpu' : `${device.kind}:${device.index}`;
}

export type GpuDevice = Exclude<Device, { kind: 'cpu' }>;
