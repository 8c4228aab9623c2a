import type { PlannedRow } from './decode-rows.js';

/** The numbers that go into and come out of a step. Allocated once; a run sees a range of it. */
export interface StepMemory {
  /** int64 [rows]: the token that each row decodes. */
  readonly tokenIds: BigInt64Array;
  /** int64 [rows]: its position. */
  readonly positions: BigInt64Array;
  /** int64 [rows, contextTokens]: 1 where a row has a token, the one it decodes included. */
  readonly mask: BigInt64Array;
  /** float32 [rows, vocabSize] */
  readonly logits: Float32Array;
  /** int64 []: for models that can leave out the logits of all but the last positions. */
  readonly logitsToKeep: BigInt64Array;
  /** int64 [contextTokens]: the tokens of a prompt's chunk. */
  readonly chunkTokenIds: BigInt64Array;
  /** int64 [contextTokens]: 0, 1, 2, …; a chunk's positions are a range of it. */
  readonly everyPosition: BigInt64Array;
  /** int64 [contextTokens]: the mask of a chunk, which has no holes. */
  readonly ones: BigInt64Array;
  readonly rows: number;
  readonly contextTokens: number;
  readonly vocabSize: number;
}

export function createStepMemory(rows: number, contextTokens: number, vocabSize: number): StepMemory {
  const int64 = (length: number) => new BigInt64Array(new ArrayBuffer(length * 8));
  return {
    tokenIds: int64(rows),
    positions: int64(rows),
    mask: int64(rows * contextTokens),
    logits: new Float32Array(new ArrayBuffer(rows * vocabSize * 4)),
    logitsToKeep: int64(1),
    chunkTokenIds: int64(contextTokens),
    everyPosition: int64(contextTokens).map((_, position) => BigInt(position)),
    ones: int64(contextTokens).fill(1n),
    rows,
    contextTokens,
    vocabSize,
  };
}

export function writeDecodeRows(memory: StepMemory, firstRow: number, rows: readonly PlannedRow[]): void {
  const { contextTokens } = memory;
  rows.forEach(({ tokenId, position }, offset) => {
    const row = firstRow + offset;
    memory.tokenIds[row] = BigInt(tokenId);
    memory.positions[row] = BigInt(position);
    const start = row * contextTokens;
    memory.mask.fill(1n, start, start + position + 1);
    memory.mask.fill(0n, start + position + 1, start + contextTokens);
  });
}

/** Writes a chunk's tokens, and token 0 behind them up to `paddedTokens`. */
export function writeChunk(memory: StepMemory, tokenIds: Int32Array, paddedTokens: number): void {
  tokenIds.forEach((tokenId, index) => (memory.chunkTokenIds[index] = BigInt(tokenId)));
  memory.chunkTokenIds.fill(0n, tokenIds.length, paddedTokens);
}

export function logitsOfRow({ logits, vocabSize }: StepMemory, row: number): Float32Array {
  return logits.subarray(row * vocabSize, (row + 1) * vocabSize);
}
