import { describe, expect, it } from 'vitest';
import type { Gpu } from '#onnx-runner';
import { fitVariants, fitVariantsTo } from './fit-variants.js';

const variants = ['8_0', '6_5', '5_0-kv8'];
const fit = (device: string, kinds: readonly Gpu['kind'][]) =>
  fitVariantsTo(
    { DROVER_DEVICE: device, DROVER_VARIANTS: variants },
    kinds.map((kind) => ({ kind })),
  );

describe('variants on a device', () => {
  it('stay as they are on the CPU', () => {
    expect(fit('cpu', ['discrete'])).toEqual(variants);
  });

  it.each(['webgpu', 'webgpu:1', 'cuda'])('are those for GPUs on %s, where such a one exists', (device) => {
    expect(fit(device, ['software'])).toEqual(['8_0-gpu', '6_5-gpu', '5_0-kv8']);
  });

  it('named in their form for GPUs are not renamed', () => {
    const settings = { DROVER_DEVICE: 'webgpu', DROVER_VARIANTS: ['6_5-gpu'] };
    expect(fitVariantsTo(settings, [{ kind: 'discrete' }])).toEqual(['6_5-gpu']);
  });
});

describe('by `auto`', () => {
  it('each GPU gets one variant, and the CPU the rest', () => {
    expect(fit('auto', ['discrete', 'software'])).toEqual(['8_0-gpu', '6_5', '5_0-kv8']);
    expect(fit('auto', ['discrete', 'integrated'])).toEqual(['8_0-gpu', '6_5-gpu', '5_0-kv8']);
  });

  it('the CPU has them all where there is no GPU but one in software', () => {
    expect(fit('auto', ['software'])).toEqual(variants);
    expect(fit('auto', [])).toEqual(variants);
  });
});

describe.runIf(process.platform === 'linux')('a Vulkan device on a machine without one', () => {
  const none = async () => ({ gpus: [], problems: [] });
  const settings = (device: string) => ({ DROVER_DEVICE: device, DROVER_VARIANTS: variants });

  it('is refused with the next step', async () => {
    await expect(fitVariants(settings('webgpu'), none)).rejects.toThrow(
      /"webgpu": this machine has no Vulkan device\. .*install-software-vulkan\.sh/,
    );
  });

  it('is nothing that `auto` or `cpu` would need', async () => {
    for (const device of ['auto', 'cpu'])
      expect(await fitVariants(settings(device), none)).toEqual(settings(device));
  });
});
