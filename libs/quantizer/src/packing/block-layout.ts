/** How the blocks of a quantized matrix lie in memory: MatMulNBits' `[rows, blocksPerRow, blockBytes]`. */
export interface BlockFormat {
  readonly bits: 4 | 8;
  /** Weights that share one scale, along a row; a power of two from 16. */
  readonly blockSize: number;
}

export interface BlockLayout {
  readonly blocksPerRow: number;
  readonly blockBytes: number;
  readonly rowBytes: number;
}

/** A scale is stored in 16 bits. */
const SCALE_BITS = 16;

export function blockLayout(columns: number, { bits, blockSize }: BlockFormat): BlockLayout {
  const blocksPerRow = Math.ceil(columns / blockSize);
  const blockBytes = (blockSize * bits) / 8;
  return { blocksPerRow, blockBytes, rowBytes: blocksPerRow * blockBytes };
}

/** Bits a quantized matrix takes on disk, padding of the last block and scales included. */
export function storedBits(rows: number, columns: number, format: BlockFormat): number {
  const { blocksPerRow, blockBytes } = blockLayout(columns, format);
  return rows * blocksPerRow * (blockBytes * 8 + SCALE_BITS);
}
