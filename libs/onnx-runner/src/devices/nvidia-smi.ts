import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { GpuInfo } from '#contracts';

const FIELDS = ['uuid', 'name', 'driver_version', 'memory.total', 'memory.free'];
const ARGUMENTS = [`--query-gpu=${FIELDS.join(',')}`, '--format=csv,noheader,nounits'];
/** It wakes GPUs that sleep. */
const TIMEOUT_MS = 20_000;
const MIB = 2 ** 20;

/**
 * NVIDIA's GPUs by PCI address, as their driver's own tool lists them. Empty where there is no such tool.
 *
 * @throws Error where it fails
 */
export async function listNvidiaGpus(): Promise<readonly GpuInfo[]> {
  try {
    const { stdout } = await promisify(execFile)('nvidia-smi', ARGUMENTS, { timeout: TIMEOUT_MS });
    return parseNvidiaSmi(stdout);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

/** Lines of `nvidia-smi --query-gpu`; those that tell of no GPU are left out. Memory is in MiB, or `[N/A]`. */
export function parseNvidiaSmi(csv: string): readonly GpuInfo[] {
  return csv.split('\n').flatMap((line) => {
    const [uuid, name, driver, total, free] = line.split(',').map((field) => field.trim());
    if (uuid === undefined || name === undefined || !/^GPU-[0-9a-f-]{36}$/.test(uuid)) return [];
    return [
      {
        uuid: uuid.slice('GPU-'.length),
        name,
        kind: 'discrete',
        driver: `NVIDIA ${driver ?? ''}`.trim(),
        memoryBytes: Number.parseInt(total ?? '', 10) * MIB || 0,
        availableBytes: /^\d+$/.test(free ?? '') ? Number(free) * MIB : null,
      },
    ];
  });
}

/**
 * GPUs as CUDA numbers them under `CUDA_VISIBLE_DEVICES`: a list of indices and of beginnings of UUIDs, which ends at
 * the first that there is not.
 */
export function visibleToCuda<T extends Pick<GpuInfo, 'uuid'>>(
  gpus: readonly T[],
  visibleDevices: string | undefined,
): readonly T[] {
  if (visibleDevices === undefined) return gpus;
  const visible: T[] = [];
  for (const entry of visibleDevices.split(',').map((text) => text.trim())) {
    const gpu = /^\d+$/.test(entry)
      ? gpus[Number(entry)]
      : gpus.find(({ uuid }) => entry.startsWith('GPU-') && `GPU-${uuid}`.startsWith(entry));
    if (gpu === undefined) break;
    visible.push(gpu);
  }
  return visible;
}
