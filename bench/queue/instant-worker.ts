import { loadWorkerSettings } from '#config';
import { readLlamaConfig } from '#model-store';
import { createLogger } from '#observability';
import { loadTokenizer } from '#tokenizer';
import { EXIT_CODES } from '../../apps/worker/src/lifecycle/exit-codes.js';
import { drainOnSignal, GracefulDrain } from '../../apps/worker/src/lifecycle/graceful-drain.js';
import { checkStartup } from '../../apps/worker/src/lifecycle/startup-checks.js';
import { newWorkerId } from '../../apps/worker/src/lifecycle/worker-state.js';
import { serveVariant } from '../../apps/worker/src/serve-variant.js';
import type { WorkerContext } from '../../apps/worker/src/worker-context.js';
import { InstantModel } from './instant-model.js';

/** A word of the variant's tokenizer, so that every token has text to publish. */
const WORD = ' the';

/**
 * The worker's own program around a model that takes no time. All else is the product: startup checks, job queue,
 * leases, tokenizer, engine, token streams, fenced ends, heartbeat, health port, drain.
 */
async function main(): Promise<void> {
  const settings = loadWorkerSettings();
  const logger = createLogger('instant-worker', settings.DROVER_LOG_LEVEL);
  const drain = new GracefulDrain(logger);
  drainOnSignal({
    drain: () => drain.drain(),
    exit: (outcome) => process.exit(EXIT_CODES[outcome]),
    logger,
  });
  const device = { device: { kind: 'cpu' }, gpu: null } as const;
  const facts = {
    settings,
    workerId: newWorkerId(),
    device,
    variant: await checkStartup(settings, device),
    logger,
    drain,
    leaveUnsound: () => process.exit(EXIT_CODES.unsound),
  };
  await serveVariant(facts, openInstantModel);
}

async function openInstantModel({ settings, variant, metrics }: WorkerContext): Promise<InstantModel> {
  const { vocabSize } = await readLlamaConfig(variant.directory);
  const tokenizer = await loadTokenizer(variant.directory);
  const model = new InstantModel({
    vocabSize,
    contextTokens: variant.contextTokens,
    slots: settings.DROVER_SLOTS,
    tokenId: tokenizer.encodeText(WORD).at(-1) ?? 0,
  });
  metrics.modelLoaded(model.info);
  return model;
}

await main();
