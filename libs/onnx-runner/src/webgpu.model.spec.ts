import { join } from 'node:path';
import { expect, it } from 'vitest';
import { buildDroverTinyVariant, readGoldenChats } from '#testing';
import { DeviceError } from './device.js';
import { createOnnxModelRunner } from './onnx-model-runner.js';

it('the float32 model answers on a WebGPU device as it does on the CPU', async ({ skip }) => {
  const runner = await createOnnxModelRunner({
    modelPath: join(await buildDroverTinyVariant(32), 'model.onnx'),
    device: 'webgpu',
    slots: 3,
    contextTokens: 128,
    threads: 1,
  }).catch((error: unknown) => {
    if (!(error instanceof DeviceError)) throw error;

    return skip(`no WebGPU here: ${error.message}`);
  });
  try {
    const [chat] = await readGoldenChats();
    const { promptIds, greedyIds, logits } = chat!;
    const half = 11;
    const first = { slot: 1, tokenIds: Int32Array.from(promptIds.slice(0, half)), startPosition: 0 };
    const second = { slot: 1, tokenIds: Int32Array.from(promptIds.slice(half)), startPosition: half };
    await runner.run({ decodes: [], prefills: [{ ...first, logitPositions: 0 }], exact: true });
    const answers = [
      (await runner.run({ decodes: [], prefills: [{ ...second, logitPositions: 1 }], exact: true }))
        .prefills[0]![0]!,
    ];
    const differences = [largestDifference(answers[0]!, logits, promptIds.length - 1)];
    for (const [index, tokenId] of greedyIds.entries()) {
      const position = promptIds.length + index;
      const { decodes } = await runner.run({
        decodes: [{ slot: 1, tokenId, position }],
        prefills: [],
        exact: true,
      });
      differences.push(largestDifference(decodes[0]!, logits, position));
    }
    expect(Math.max(...differences)).toBeLessThan(1e-2);
  } finally {
    await runner.close();
  }
});

function largestDifference(row: Float32Array, all: Float32Array, position: number): number {
  const offset = position * row.length;
  return row.reduce((worst, value, index) => Math.max(worst, Math.abs(value - all[offset + index]!)), 0);
}
