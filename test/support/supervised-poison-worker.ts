import { fileURLToPath } from 'node:url';
import { loadWorkerSettings } from '#config';
import { superviseWorker } from '../../apps/cli/src/supervision/supervise-worker.js';

/** `drover worker`, with the faulty worker in place of the product's. */
const program = fileURLToPath(new URL('./poison-worker.js', import.meta.url));
process.exitCode = await superviseWorker(loadWorkerSettings(), program);
