const NARROWEST = 256;

/** Widths of mask that decodes are bound with: 256, 512, … and the context. */
export function maskWidth(tokens: number, contextTokens: number): number {
  let width = NARROWEST;
  while (width < tokens) width *= 2;
  return Math.min(width, contextTokens);
}

/**
 * The attention masks of all rows, as wide as the longest of them needs: int64 [rows, width], 1 where a row has a
 * token. From step to step a row's number of ones changes by one, and nothing else is written.
 */
export class DecodeMask {
  readonly width: number;
  readonly values: BigInt64Array;
  readonly #ones: number[];

  constructor(rows: number, width: number) {
    this.width = width;
    this.values = new BigInt64Array(new ArrayBuffer(rows * width * 8));
    this.#ones = Array.from({ length: rows }, () => 0);
  }

  setTokens(row: number, tokens: number): void {
    const start = row * this.width;
    const ones = this.#ones[row] ?? 0;
    if (tokens > ones) this.values.fill(1n, start + ones, start + tokens);
    else this.values.fill(0n, start + tokens, start + ones);
    this.#ones[row] = tokens;
  }
}
