import { availableParallelism } from 'node:os';
import type { Device } from '../device.js';
import { appendExecutionProvider } from './execution-provider.js';
import { checkStatus, createHandle, ortApi, type Pointer } from './ort-api.js';

export interface SessionOptions {
  readonly device: Device;
  /** Threads of one run; 0 takes half of the cores. */
  readonly threads: number;
}

/** How the threads of a run are used. */
export interface ThreadPool {
  readonly threads: number;
  /** Threads without work look for some instead of sleeping. */
  readonly spins: boolean;
}

const ALL_OPTIMIZATIONS = 99;

/** Calls `use` with ONNX Runtime's form of the options, freed when it ends. */
export async function withSessionOptions<T>(
  options: SessionOptions,
  use: (handle: Pointer) => Promise<T>,
): Promise<T> {
  const api = ortApi();
  const { threads, spins } = threadPoolOf(options.threads);
  const handle = createHandle('make session options', (out) => api.CreateSessionOptions(out));
  try {
    checkStatus(api.SetIntraOpNumThreads(handle, threads), 'set the threads');
    checkStatus(api.SetSessionGraphOptimizationLevel(handle, ALL_OPTIMIZATIONS), 'set the optimizations');
    checkStatus(
      api.AddSessionConfigEntry(handle, 'session.intra_op.allow_spinning', spins ? '1' : '0'),
      'set spinning',
    );
    appendExecutionProvider(handle, options.device);
    return await use(handle);
  } finally {
    api.ReleaseSessionOptions(handle);
  }
}

/**
 * What a session makes of its setting. Threads never spin: measured on two shared cores (1B shape), that costs 1.2 to 1.7
 * times the CPU time and no run is faster for it.
 * @param threads 0 takes half of the cores
 */
export function threadPoolOf(threads: number): ThreadPool {
  if (!Number.isInteger(threads) || threads < 0) {
    throw new RangeError(
      `threads is ${threads}; it must be a whole number, 0 or more (0: half of the cores).`,
    );
  }
  const chosen = threads === 0 ? Math.max(1, Math.floor(availableParallelism() / 2)) : threads;
  return { threads: chosen, spins: false };
}
