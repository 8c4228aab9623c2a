import { describe, expect, it } from 'vitest';
import type { GpuKind } from '#contracts';
import type { Device, Gpu } from '#onnx-runner';
import { chooseDevice } from './choose-device.js';

const WEBGPU = { kind: 'webgpu', index: 0 } as const;
const CUDA = { kind: 'cuda', index: 0 } as const;

function gpu(
  uuid: string,
  kind: GpuKind,
  memoryBytes = 1,
  devices: readonly [Device, ...Device[]] = [WEBGPU],
): Gpu {
  return { uuid, name: `GPU ${uuid}`, kind, driver: 'driver', memoryBytes, availableBytes: null, devices };
}

describe('DROVER_DEVICE=auto', () => {
  const choose = (gpus: readonly Gpu[]) => {
    const choice = chooseDevice('auto', gpus);
    return choice.kind === 'any' ? choice.gpus.map(({ uuid }) => uuid) : choice.kind;
  };

  it('takes GPUs of their own memory first, the largest of them before all', () => {
    const gpus = [gpu('i', 'integrated', 64), gpu('small', 'discrete', 8), gpu('large', 'discrete', 80)];
    expect(choose(gpus)).toEqual(['large', 'small', 'i']);
  });

  it('is the CPU where there is no GPU, or one in software only', () => {
    expect(choose([])).toBe('cpu');
    expect(choose([gpu('llvmpipe', 'software', 100)])).toBe('cpu');
  });
});

describe('a device by its name', () => {
  const both = gpu('a', 'discrete', 1, [CUDA, WEBGPU]);
  const second = gpu('b', 'software', 1, [{ kind: 'webgpu', index: 1 }]);

  it.each([
    ['webgpu', both],
    ['webgpu:0', both],
    ['cuda:0', both],
    ['webgpu:1', second],
  ])('%s is that of the list, whatever its kind', (setting, expected) => {
    expect(chooseDevice(setting, [both, second])).toMatchObject({ kind: 'named', gpu: expected });
  });

  it('is refused where the list has others of its kind only, which are named', () => {
    expect(() => chooseDevice('cuda:1', [both, second])).toThrow(/"cuda:1".*There are: cuda:0 \(GPU a\)/);
    expect(() => chooseDevice('webgpu:2', [both, second])).toThrow('webgpu:0 (GPU a), webgpu:1 (GPU b)');
  });

  it('is left to its provider where none of its kind can be looked at', () => {
    expect(chooseDevice('cuda:1', [second])).toEqual({
      kind: 'named',
      device: { kind: 'cuda', index: 1 },
      gpu: null,
    });
  });
});
