import { loadNativeLibrary } from './native-library.js';
import { addressOf } from './native-memory.js';

type Advise = (address: bigint, bytes: number, advice: number) => number;

const MADV_DONTNEED = 4;

/** Large enough for every system's pages; a smaller page only leaves some of them out. */
const PAGE_BYTES = 64n * 1024n;

let advise: Advise | undefined;

/**
 * Gives the whole pages inside a range of a buffer back to the system. They read as zeros and take memory again when
 * written. Only on Linux: macOS keeps the pages in the process's account whatever it is advised, and Windows would
 * need memory of its own reservation; there the memory stays, to be used by the next sequence.
 */
export function releasePages(buffer: ArrayBuffer, byteOffset: number, byteLength: number): void {
  if (process.platform !== 'linux') return;
  const start = addressOf(buffer) + BigInt(byteOffset);
  const firstPage = ((start + PAGE_BYTES - 1n) / PAGE_BYTES) * PAGE_BYTES;
  const end = ((start + BigInt(byteLength)) / PAGE_BYTES) * PAGE_BYTES;
  if (end <= firstPage) return;
  advise ??= loadNativeLibrary(null).func('int madvise(void *address, size_t bytes, int advice)');
  // It fails for locked memory only, whose owner wants it to stay.
  advise(firstPage, Number(end - firstPage), MADV_DONTNEED);
}
