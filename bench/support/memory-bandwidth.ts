import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';

const BYTES = 2 ** 30;
const PASSES = 8;

/** How the figure came about, for a reader of it. */
export const BANDWIDTH_METHOD =
  'all cores read 1 GiB together, each its own part, with memchr (Buffer.indexOf of a byte that is not there); ' +
  `the best of ${PASSES} passes`;

/** Bytes a second that all `threads` together read from memory. */
export async function measureMemoryBandwidth(threads: number): Promise<number> {
  const bytes = Math.floor(BYTES / threads);
  const workers = Array.from({ length: threads }, () => new Worker(fileURLToPath(import.meta.url)));
  try {
    await askAll(workers, bytes);
    let best = 0;
    for (let pass = 0; pass < PASSES; pass += 1) {
      const begin = performance.now();
      await askAll(workers, 0);
      best = Math.max(best, (bytes * threads * 1000) / (performance.now() - begin));
    }
    return best;
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

async function askAll(workers: readonly Worker[], bytes: number): Promise<void> {
  const answers = workers.map((worker) => once(worker, 'message'));
  for (const worker of workers) worker.postMessage(bytes, []);
  await Promise.all(answers);
}

/** Given a size it takes a part of that many bytes; given 0 it reads its part once. */
function readOnDemand(): void {
  let part = Buffer.alloc(0);
  parentPort?.on('message', (bytes: number) => {
    // Ones, not zeros: pages that nobody has written to all show the same zeros of memory.
    if (bytes > 0) part = Buffer.alloc(bytes, 1);
    parentPort?.postMessage(part.indexOf(2), []);
  });
}

if (!isMainThread) readOnDemand();
