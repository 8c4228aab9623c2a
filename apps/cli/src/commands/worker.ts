import { fileURLToPath } from 'node:url';
import { loadWorkerSettings } from '#config';
import { ensureVariants } from '#quantizer';
import { showBuildProgress } from '../output/build-progress.js';
import type { Terminal } from '../output/terminal.js';
import { superviseWorker } from '../supervision/supervise-worker.js';

/**
 * `drover worker`: builds the worker's variant where it is missing, then runs the worker under a witness. Signals and
 * the exit code are the worker's own: it can be the first process of a container.
 */
export async function worker(terminal: Terminal): Promise<number> {
  const settings = loadWorkerSettings();
  await ensureVariants({
    modelsDir: settings.DROVER_MODELS_DIR,
    dataDir: settings.DROVER_DATA_DIR,
    model: settings.DROVER_MODEL,
    variants: [settings.DROVER_VARIANT],
    onProgress: showBuildProgress(terminal),
  });
  return superviseWorker(settings, fileURLToPath(new URL('../../../worker/src/main.js', import.meta.url)));
}
