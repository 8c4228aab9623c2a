import { fileURLToPath } from 'node:url';
import { loadWorkerSettings } from '#config';
import { superviseWorker } from '../supervision/supervise-worker.js';

/**
 * `drover worker`: a worker under a witness. Signals and the exit code are the worker's own: it can be the first process
 * of a container. The variant is built by the child too, whose memory is its own.
 */
export function worker(): Promise<number> {
  const program = fileURLToPath(new URL('./built-worker.js', import.meta.url));
  return superviseWorker(loadWorkerSettings(), program);
}
