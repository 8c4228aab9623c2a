import { decoderLinears, type LlamaConfig } from '#model-store';

/** Bytes of the weights that a step reads once, however many sequences it has: linear layers and head. */
export function weightBytes(config: LlamaConfig, linearBits: number, headBits: number): number {
  const linears = decoderLinears(config).reduce((sum, { rows, columns }) => sum + rows * columns, 0);
  return (linears * linearBits + config.vocabSize * config.hiddenSize * headBits) / 8;
}
