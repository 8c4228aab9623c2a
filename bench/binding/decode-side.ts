/** One way of calling ONNX Runtime, with a model loaded and every row's prompt in its cache. */
export interface DecodeSide {
  /** One decode step over the first `rows` rows. */
  step(rows: number): Promise<void>;
  close(): Promise<void>;
}

export interface DecodeSideOptions {
  readonly modelPath: string;
  readonly rows: number;
  readonly contextTokens: number;
  readonly promptTokens: number;
  readonly threads: number;
}

export type SideName = 'c-api' | 'onnxruntime-node';

export const promptTokenIds = (tokens: number): number[] =>
  Array.from({ length: tokens }, (_, index) => (index * 37 + 11) % 1000);
