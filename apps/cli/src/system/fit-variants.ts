import type { LauncherSettings } from '#config';
import { bitsPerWeightOf, kvCacheOf, variantNameOf } from '#contracts';
import { AUTO_KINDS, DeviceError, listGpus, type Gpu, type GpuLister } from '#onnx-runner';

export type DeviceSettings = Pick<LauncherSettings, 'DROVER_DEVICE' | 'DROVER_VARIANTS'>;

/**
 * The settings with the variants that suit DROVER_DEVICE on this machine; see `fitVariantsTo`.
 *
 * @throws DeviceError for a Vulkan device on a machine that has none
 */
export async function fitVariants<S extends DeviceSettings>(
  settings: S,
  lister: GpuLister = listGpus,
): Promise<S> {
  const { DROVER_DEVICE: device } = settings;
  if (device === 'cpu') return settings;
  const { gpus } = await lister();
  // Elsewhere nothing can be listed, and the provider itself says what there is.
  if (process.platform === 'linux' && device.startsWith('webgpu')) requireVulkan(device, gpus);
  return { ...settings, DROVER_VARIANTS: fitVariantsTo(settings, gpus) };
}

/**
 * On GPUs a variant is served in its form for them: `6_5` as `6_5-gpu`. `auto` gives each variant a GPU of its own as
 * long as there are any, and leaves the rest to the CPU.
 */
export function fitVariantsTo(
  { DROVER_DEVICE: device, DROVER_VARIANTS: variants }: DeviceSettings,
  gpus: readonly Pick<Gpu, 'kind'>[],
): string[] {
  if (device === 'cpu') return variants;
  // What workers claim by `auto`: a device in software is slower than the CPU itself.
  const claimable = gpus.filter(({ kind }) => AUTO_KINDS.includes(kind)).length;
  const served = device === 'auto' ? claimable : variants.length;
  return variants.map((variant, index) => (index < served ? forGpu(variant) : variant));
}

function forGpu(variant: string): string {
  return kvCacheOf(variant) === 'f32' ? variantNameOf(bitsPerWeightOf(variant), 'f16') : variant;
}

function requireVulkan(device: string, gpus: readonly Gpu[]): void {
  if (gpus.some(({ devices }) => devices.some(({ kind }) => kind === 'webgpu'))) return;
  throw new DeviceError(
    device,
    "this machine has no Vulkan device. Install the GPU's Vulkan driver and `libvulkan1`, or a device in software by " +
      '`sudo bash scripts/install-software-vulkan.sh` (for trying only), or leave `--device` out to use the CPU.',
  );
}
