/**
 * ONNX Runtime's quantized matrix kernels take rows two at a time, and an odd last row goes through another kernel
 * whose last bits differ (measured on x86: up to 1e-1 in a logit of a 4-bit model, since int8 rounding amplifies it).
 * So that a row's answer never depends on how many rows run with it, every run has a whole number of tiles.
 */
export const ROWS_PER_TILE = 2;

export function wholeTiles(rows: number): number {
  return Math.ceil(rows / ROWS_PER_TILE) * ROWS_PER_TILE;
}
