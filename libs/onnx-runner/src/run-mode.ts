import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { RunMode } from './ort/session.js';

/**
 * Weight bytes times tokens up to which a run blocks this thread: half a millisecond or so. Handing a run to another
 * thread costs about 0.1 ms, which a model of a few million weights feels at small batches and a large one never.
 */
const BLOCKING_WORK = 16 * 1024 * 1024;

export function chooseRunMode(modelBytes: number, tokens: number): RunMode {
  return modelBytes * tokens <= BLOCKING_WORK ? 'blocking' : 'background';
}

/** Bytes of the model file and of the external data files beside it that carry its name. */
export function modelFileBytes(modelPath: string): number {
  const folder = dirname(modelPath);
  return readdirSync(folder)
    .filter((name) => name.startsWith(basename(modelPath)))
    .reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}
