import { EXIT_CODES, StartupError } from './exit-codes.js';
import { mebibytes } from './fit-variant.js';

export interface PoolQuestion {
  /** Sequences that are to be in the cache at once. */
  readonly sequences: number;
  /** Most tokens of one sequence. */
  readonly contextTokens: number;
  /** Bytes of one token's keys and values. */
  readonly tokenBytes: number;
  /** Bytes of the weights and of a step. */
  readonly modelBytes: number;
  /** DROVER_KV_CACHE_MIB in bytes; undefined asks for all sequences full, or what memory holds of that. */
  readonly askedBytes: number | undefined;
  /** Bytes of the GPU that are free; Infinity where nobody knows. */
  readonly availableBytes: number;
}

/** The rest is for the driver, its compiled kernels, and what other processes take in the meantime. */
const USABLE_SHARE = 0.9;

/**
 * Bytes for keys and values on a GPU, or undefined where all sequences fit in full. A smaller pool is no failure: texts
 * that outgrow it give way and come back.
 * @throws StartupError where not even one sequence fits, or less than was asked for
 */
export function fitPool(question: PoolQuestion): number | undefined {
  const { sequences, contextTokens, tokenBytes, modelBytes, askedBytes, availableBytes } = question;
  const left = Math.floor(availableBytes * USABLE_SHARE - modelBytes);
  const one = contextTokens * tokenBytes;
  const needed = askedBytes ?? one;
  if (left < needed) {
    const cache = askedBytes === undefined ? `one text of ${contextTokens} tokens` : 'DROVER_KV_CACHE_MIB';
    throw new StartupError(
      EXIT_CODES.memoryTooSmall,
      `The variant takes about ${mebibytes(modelBytes)} of the GPU and ${cache} ${mebibytes(needed)} more; ` +
        `${mebibytes(availableBytes)} are free, of which ${USABLE_SHARE * 100} % are used. Lower DROVER_CONTEXT or ` +
        'DROVER_KV_CACHE_MIB, serve a smaller variant, or free the GPU.',
    );
  }
  if (askedBytes !== undefined) return askedBytes;
  return left < sequences * one ? left : undefined;
}
