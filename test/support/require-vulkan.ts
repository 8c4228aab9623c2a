import type { TestContext } from 'vitest';
import { listGpus, type Gpu } from '#onnx-runner';

/** The GPU that `webgpu` means here; skips the test where there is none. */
export async function requireVulkan(skip: TestContext['skip']): Promise<Gpu> {
  const { gpus } = await listGpus();
  const first = gpus.find(({ devices }) =>
    devices.some((device) => device.kind === 'webgpu' && device.index === 0),
  );
  return first ?? skip('no Vulkan device here');
}
