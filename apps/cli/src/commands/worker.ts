import { loadWorkerSettings } from '#config';
import { ensureVariants } from '#quantizer';
import { showBuildProgress } from '../output/build-progress.js';
import type { Terminal } from '../output/terminal.js';

/**
 * `drover worker`: builds the worker's variant where it is missing, then becomes the worker. In one process, so that
 * signals and the exit code are the worker's own: it can be the first process of a container.
 */
export async function worker(terminal: Terminal): Promise<void> {
  const settings = loadWorkerSettings();
  await ensureVariants({
    modelsDir: settings.DROVER_MODELS_DIR,
    dataDir: settings.DROVER_DATA_DIR,
    model: settings.DROVER_MODEL,
    variants: [settings.DROVER_VARIANT],
    onProgress: showBuildProgress(terminal),
  });
  const program = new URL('../../../worker/src/main.js', import.meta.url);
  await import(program.href);
}
