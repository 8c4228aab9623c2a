import { describe, expect, it } from 'vitest';
import { parseNvidiaSmi, visibleToCuda } from './nvidia-smi.js';

const UUIDS = ['a5e1c2f0-5a1b-4b0e-9f7d-0123456789ab', 'a5e1c2f0-5a1b-4b0e-9f7d-ba9876543210'] as const;

describe('what nvidia-smi prints', () => {
  it('is read a line a GPU, with memory in bytes', () => {
    const csv = `GPU-${UUIDS[0]}, NVIDIA H100 80GB HBM3, 570.86.15, 81559, 81000\nGPU-${UUIDS[1]}, NVIDIA L4, 570.86.15, 23034, 1\n`;
    expect(parseNvidiaSmi(csv)).toEqual([
      {
        uuid: UUIDS[0],
        name: 'NVIDIA H100 80GB HBM3',
        kind: 'discrete',
        driver: 'NVIDIA 570.86.15',
        memoryBytes: 81559 * 2 ** 20,
        availableBytes: 81000 * 2 ** 20,
      },
      expect.objectContaining({ uuid: UUIDS[1], name: 'NVIDIA L4', availableBytes: 2 ** 20 }),
    ]);
  });

  it('may leave memory open, as on GPUs that share the host’s', () => {
    const [gpu] = parseNvidiaSmi(`GPU-${UUIDS[0]}, NVIDIA GB10, 580.10, [N/A], [N/A]\n`);
    expect(gpu).toMatchObject({ memoryBytes: 0, availableBytes: null });
  });

  it.each(['', 'No devices were found\n', 'NVIDIA-SMI has failed, because, of, many, things\n'])(
    '%j tells of no GPU',
    (text) => {
      expect(parseNvidiaSmi(text)).toEqual([]);
    },
  );
});

describe('CUDA_VISIBLE_DEVICES', () => {
  const gpus = UUIDS.map((uuid) => ({ uuid }));
  const [first, second] = gpus;

  it.each([
    [undefined, [first, second]],
    ['', []],
    ['1,0', [second, first]],
    [' 1 ', [second]],
    [`GPU-${UUIDS[1]}`, [second]],
    [`GPU-${UUIDS[0].slice(0, 30)}`, [first]],
    ['0,7,1', [first]],
    ['-1', []],
    ['NoDevFiles', []],
  ])('%j', (text, visible) => {
    expect(visibleToCuda(gpus, text)).toEqual(visible);
  });
});
