import type { GpuInfo, GpuKind } from '#contracts';
import type { Device } from '../device.js';
import { hasCudaProvider } from '../ort/cuda-provider.js';
import { inAdapterOrder } from './adapter-order.js';
import { listVulkanDevices } from './list-vulkan-devices.js';
import { listNvidiaGpus, visibleToCuda } from './nvidia-smi.js';

/** Devices that `auto` takes, best first; what runs on the CPU is slower than the CPU itself. */
export const AUTO_KINDS: readonly GpuKind[] = ['discrete', 'integrated', 'virtual'];

/** A GPU of this machine, and how ONNX Runtime can run on it, the faster way first. */
export interface Gpu extends GpuInfo {
  readonly devices: readonly [Device, ...Device[]];
}

export interface GpuListing {
  readonly gpus: readonly Gpu[];
  /** What could not be looked at, and why. */
  readonly problems: readonly string[];
}

/** Looks at what this machine has; `listGpus`, or a test's own. */
export type GpuLister = () => Promise<GpuListing>;

/** The GPUs of this machine by Vulkan and by NVIDIA's driver, software ones included, each once. On Linux. */
export const listGpus: GpuLister = async () => {
  if (process.platform !== 'linux') return { gpus: [], problems: [] };
  const adapters = inAdapterOrder(listVulkanDevices());
  try {
    const nvidia = visibleToCuda(await listNvidiaGpus(), process.env['CUDA_VISIBLE_DEVICES']);
    return { gpus: mergeGpus(nvidia, adapters, hasCudaProvider()), problems: [] };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { gpus: mergeGpus([], adapters, false), problems: [`nvidia-smi failed: ${reason}`] };
  }
};

/**
 * One list of what two drivers show: NVIDIA's Vulkan driver and its CUDA driver give a GPU the same UUID.
 *
 * @param nvidia as CUDA numbers them
 * @param adapters as WebGPU numbers them
 */
export function mergeGpus(
  nvidia: readonly GpuInfo[],
  adapters: readonly GpuInfo[],
  hasCuda: boolean,
): readonly Gpu[] {
  const webgpu = (index: number) => ({ kind: 'webgpu', index }) as const;
  const byCuda = nvidia.map((gpu, index): Gpu => {
    const cuda = { kind: 'cuda', index } as const;
    const adapter = adapters.findIndex(({ uuid }) => uuid === gpu.uuid);
    if (adapter === -1) return { ...describeGpu(gpu), devices: [cuda] };
    return { ...describeGpu(gpu), devices: hasCuda ? [cuda, webgpu(adapter)] : [webgpu(adapter), cuda] };
  });
  const byVulkan = adapters.flatMap((adapter, index): readonly Gpu[] => {
    if (nvidia.some(({ uuid }) => uuid === adapter.uuid)) return [];
    return [{ ...describeGpu(adapter), devices: [webgpu(index)] }];
  });
  return [...byCuda, ...byVulkan];
}

/** A GPU without what is more than its description. */
export function describeGpu({ uuid, name, kind, driver, memoryBytes, availableBytes }: GpuInfo): GpuInfo {
  return { uuid, name, kind, driver, memoryBytes, availableBytes };
}
