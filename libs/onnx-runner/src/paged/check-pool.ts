import { OrtError } from '../ort/ort-error.js';
import type { BlockCopier } from './block-copier.js';
import type { BlockTensor } from './paged-contract.js';

/** What a pool was to be, for errors, such as `4096 blocks (512 MiB) on webgpu`. */
type PoolRequest = string;

/**
 * Whether the device has the memory that it was asked for. A WebGPU device says nothing where it has not: the tensor is
 * made, what uses it is dropped, and a run succeeds with an answer that nothing has computed. So this looks at keys and
 * values that a run wrote to `block`.
 *
 * @throws OrtError that says "out of memory" and what was asked for.
 */
export async function checkPool(
  copier: BlockCopier,
  caches: readonly BlockTensor[],
  block: number,
  request: PoolRequest,
): Promise<void> {
  for (const cache of caches) {
    const values = await copier.read(block, cache);
    if (values.some((value) => value !== 0)) continue;
    throw outOfMemory(request, `what a run wrote to \`${cache.pastName}\` is not there`);
  }
}

/** What a failed first run means where the pool is too large for this device's kernels; else the error itself. */
export function asPoolError(error: unknown, request: PoolRequest): unknown {
  // A tensor beyond the largest binding is bound in pieces, and a kernel has no place for many.
  if (!(error instanceof Error) || !error.message.includes('Too many storage buffers')) return error;
  return outOfMemory(request, 'a kernel of this device cannot see so much of one layer at once');
}

function outOfMemory(request: PoolRequest, detail: string): OrtError {
  return new OrtError('FAIL', `keep ${request}`, `out of memory: ${detail}; ask for less`);
}
