import { describe, expect, it } from 'vitest';
import type { GpuInfo } from '#contracts';
import { mergeGpus } from './list-gpus.js';

const gpu = (uuid: string, driver: string): GpuInfo => ({
  uuid,
  name: `GPU ${uuid}`,
  kind: 'discrete',
  driver,
  memoryBytes: 1,
  availableBytes: null,
});

describe('the GPUs of two drivers', () => {
  const nvidia = [gpu('a', 'CUDA'), gpu('b', 'CUDA')];
  const adapters = [gpu('amd', 'Vulkan'), gpu('b', 'Vulkan')];

  it('are one list, a GPU that both show being one entry', () => {
    const ways = mergeGpus(nvidia, adapters, true).map(({ uuid, devices }) => [uuid, devices]);
    expect(ways).toEqual([
      ['a', [{ kind: 'cuda', index: 0 }]],
      [
        'b',
        [
          { kind: 'cuda', index: 1 },
          { kind: 'webgpu', index: 1 },
        ],
      ],
      ['amd', [{ kind: 'webgpu', index: 0 }]],
    ]);
  });

  it('are run by WebGPU first where the CUDA provider is not installed', () => {
    const [, both] = mergeGpus(nvidia, adapters, false);
    expect(both?.devices.map(({ kind }) => kind)).toEqual(['webgpu', 'cuda']);
  });
});
