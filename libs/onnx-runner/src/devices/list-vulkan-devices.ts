import type { GpuInfo, GpuKind } from '#contracts';
import type { Pointer } from '../ort/ort-api.js';
import { vulkanApi, VulkanStruct, zeroTerminated, type VulkanApi } from './vulkan-api.js';

export interface VulkanDevice extends GpuInfo {
  readonly vendorId: number;
  readonly deviceId: number;
  /** `0000:65:00.0`; null for what sits on no PCI bus, or whose driver does not say. */
  readonly pciAddress: string | null;
}

const VK_SUCCESS = 0;
const VK_API_VERSION_1_2 = (1 << 22) | (2 << 12);
/** By `VkPhysicalDeviceType`. */
const KINDS: readonly GpuKind[] = ['other', 'integrated', 'discrete', 'virtual', 'software'];
const EXTENSION_BYTES = 260;
const DEVICE_LOCAL = 1;

/**
 * The Vulkan devices of this machine, in the order of their drivers, as the environment lets them be seen now. Empty
 * where there is no Vulkan loader or no driver.
 */
export function listVulkanDevices(): readonly VulkanDevice[] {
  const api = vulkanApi();
  if (api === undefined) return [];
  const instance = createInstance(api);
  if (instance === null) return [];
  try {
    return physicalDevices(api, instance).map((device) => describe(api, device));
  } finally {
    api.destroyInstance(instance, null);
  }
}

/** Null where no driver could be loaded. */
function createInstance(api: VulkanApi): Pointer | null {
  const application = new VulkanStruct(0, 48).setUint32(44, VK_API_VERSION_1_2);
  const info = new VulkanStruct(1, 64).pointTo(24, application);
  const out: [Pointer | null] = [null];
  return api.createInstance(info.bytes, null, out) === VK_SUCCESS ? out[0] : null;
}

function physicalDevices(api: VulkanApi, instance: Pointer): Pointer[] {
  const count: [number] = [0];
  api.enumeratePhysicalDevices(instance, count, null);
  if (count[0] === 0) return [];
  const devices = new BigUint64Array(new ArrayBuffer(count[0] * 8));
  api.enumeratePhysicalDevices(instance, count, devices);
  return [...devices.subarray(0, count[0])];
}

function describe(api: VulkanApi, device: Pointer): VulkanDevice {
  const extensions = extensionsOf(api, device);
  const pci = extensions.has('VK_EXT_pci_bus_info') ? new VulkanStruct(1000212000, 32) : null;
  const driver = new VulkanStruct(1000196000, 536).chain(pci);
  const ids = new VulkanStruct(1000071004, 64).chain(driver);
  const properties = new VulkanStruct(1000059001, 840).chain(ids);
  api.getProperties(device, properties.bytes);
  const driverName = [driver.text(20, 256), driver.text(276, 256)].filter((text) => text !== '').join(' ');
  return {
    uuid: ids.hex(16, 16).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'),
    name: properties.text(36, 256),
    kind: KINDS[properties.uint32(32)] ?? 'other',
    driver: driverName,
    vendorId: properties.uint32(24),
    deviceId: properties.uint32(28),
    pciAddress: pci && pciAddressOf(pci),
    ...memoryOf(api, device, extensions.has('VK_EXT_memory_budget')),
  };
}

function extensionsOf(api: VulkanApi, device: Pointer): ReadonlySet<string> {
  const count: [number] = [0];
  api.enumerateExtensions(device, null, count, null);
  const bytes = new Uint8Array(new ArrayBuffer(count[0] * EXTENSION_BYTES));
  api.enumerateExtensions(device, null, count, bytes);
  const names = Array.from({ length: count[0] }, (_, index) =>
    zeroTerminated(bytes.subarray(index * EXTENSION_BYTES, (index + 1) * EXTENSION_BYTES)),
  );
  return new Set(names);
}

function pciAddressOf(pci: VulkanStruct): string {
  const [domain, bus, device] = [hex(pci.uint32(16), 4), hex(pci.uint32(20), 2), hex(pci.uint32(24), 2)];
  return `${domain}:${bus}:${device}.${pci.uint32(28)}`;
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

/** Of the largest heap that is the device's own. */
function memoryOf(
  api: VulkanApi,
  device: Pointer,
  hasBudget: boolean,
): Pick<GpuInfo, 'memoryBytes' | 'availableBytes'> {
  const budget = hasBudget ? new VulkanStruct(1000237000, 272) : null;
  const memory = new VulkanStruct(1000059006, 536).chain(budget);
  api.getMemoryProperties(device, memory.bytes);
  const heaps = Array.from({ length: memory.uint32(16 + 260) }, (_, index) => ({
    memoryBytes: memory.uint64(16 + 264 + index * 16),
    deviceLocal: (memory.uint32(16 + 264 + index * 16 + 8) & DEVICE_LOCAL) !== 0,
    availableBytes: budget && Math.max(0, budget.uint64(16 + index * 8) - budget.uint64(144 + index * 8)),
  }));
  const [largest] = heaps
    .filter(({ deviceLocal }) => deviceLocal)
    .toSorted((a, b) => b.memoryBytes - a.memoryBytes);
  return { memoryBytes: largest?.memoryBytes ?? 0, availableBytes: largest?.availableBytes ?? null };
}
