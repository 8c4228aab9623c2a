import { loadWorkerSettings } from '#config';
import { ensureVariants } from '#quantizer';
import { showBuildProgress } from '../output/build-progress.js';
import { Terminal } from '../output/terminal.js';

/** The program under `drover worker`: builds the worker's variant where it is missing, then becomes the worker. */
const settings = loadWorkerSettings();
try {
  await ensureVariants({
    modelsDir: settings.DROVER_MODELS_DIR,
    dataDir: settings.DROVER_DATA_DIR,
    model: settings.DROVER_MODEL,
    variants: [settings.DROVER_VARIANT],
    onProgress: showBuildProgress(new Terminal(process.stderr)),
  });
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
await import(new URL('../../../worker/src/main.js', import.meta.url).href);
