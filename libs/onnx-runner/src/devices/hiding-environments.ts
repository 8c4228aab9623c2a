import type { VulkanDevice } from './list-vulkan-devices.js';

/** Variables to set; undefined removes one. */
export type EnvironmentChange = Readonly<Record<string, string | undefined>>;

/**
 * Ways to have Vulkan show one device alone, the surest first. Which of them work depends on what is installed.
 *
 * The first two speak to Mesa's device select layer, which sorts the devices of any driver: by PCI address, or by
 * vendor and device number, which identical GPUs share. The others have the loader take one driver alone.
 */
export function hidingEnvironments(
  { pciAddress, vendorId, deviceId }: Pick<VulkanDevice, 'pciAddress' | 'vendorId' | 'deviceId'>,
  driverManifests: readonly string[],
): readonly EnvironmentChange[] {
  const alone = { MESA_VK_DEVICE_SELECT_FORCE_DEFAULT_DEVICE: '1' };
  const byNumbers = {
    ...alone,
    DRI_PRIME: undefined,
    MESA_VK_DEVICE_SELECT: `${vendorId.toString(16)}:${deviceId.toString(16)}`,
  };
  const byDriver = driverManifests.map((path) => ({ VK_DRIVER_FILES: path, VK_ICD_FILENAMES: path }));
  if (pciAddress === null) return [byNumbers, ...byDriver];
  const tag = `pci-${pciAddress.replaceAll(/[:.]/g, '_')}`;
  return [{ ...alone, DRI_PRIME: tag, MESA_VK_DEVICE_SELECT: undefined }, byNumbers, ...byDriver];
}
