import { availableParallelism } from 'node:os';
import type { Device } from '../device.js';
import { appendExecutionProvider } from './execution-provider.js';
import { checkStatus, createHandle, ortApi, type Pointer } from './ort-api.js';

export interface SessionOptions {
  readonly device: Device;
  /** Threads of one run; 0 takes half of the cores. */
  readonly threads: number;
}

const ALL_OPTIMIZATIONS = 99;

/** Calls `use` with ONNX Runtime's form of the options, freed when it ends. */
export async function withSessionOptions<T>(
  options: SessionOptions,
  use: (handle: Pointer) => Promise<T>,
): Promise<T> {
  const api = ortApi();
  const handle = createHandle('make session options', (out) => api.CreateSessionOptions(out));
  try {
    checkStatus(api.SetIntraOpNumThreads(handle, threadCount(options.threads)), 'set the threads');
    checkStatus(api.SetSessionGraphOptimizationLevel(handle, ALL_OPTIMIZATIONS), 'set the optimizations');
    // Measured on two shared cores (1B shape): spinning costs 1.2 to 1.7 times the CPU time and no run is faster for it.
    checkStatus(
      api.AddSessionConfigEntry(handle, 'session.intra_op.allow_spinning', '0'),
      'switch off spinning',
    );
    appendExecutionProvider(handle, options.device);
    return await use(handle);
  } finally {
    api.ReleaseSessionOptions(handle);
  }
}

function threadCount(threads: number): number {
  if (!Number.isInteger(threads) || threads < 0) {
    throw new RangeError(
      `threads is ${threads}; it must be a whole number, 0 or more (0: half of the cores).`,
    );
  }
  return threads === 0 ? Math.max(1, Math.floor(availableParallelism() / 2)) : threads;
}
