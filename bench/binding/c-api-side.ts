import { createOnnxModelRunner } from '#onnx-runner';
import { promptTokenIds, type DecodeSide, type DecodeSideOptions } from './decode-side.js';

/** The product's own runner. A batch of one runs as two rows there. */
export async function openCApiSide(options: DecodeSideOptions): Promise<DecodeSide> {
  const { modelPath, rows, contextTokens, promptTokens, threads } = options;
  const runner = await createOnnxModelRunner({
    modelPath,
    device: 'cpu',
    slots: rows,
    contextTokens,
    threads,
  });
  const tokenIds = Int32Array.from(promptTokenIds(promptTokens));
  for (let slot = 0; slot < rows; slot++) {
    const chunk = { slot, tokenIds, startPosition: 0, logitPositions: 0 };
    await runner.run({ decodes: [], prefills: [chunk], exact: true });
  }
  return {
    step: async (batch) => {
      const decodes = Array.from({ length: batch }, (_, slot) => ({
        slot,
        tokenId: 5,
        position: promptTokens,
      }));
      await runner.run({ decodes, prefills: [], exact: true });
    },
    close: () => runner.close(),
  };
}
