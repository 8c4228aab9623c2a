import { loadWorkerSettings } from '#config';
import type { ModelRunner } from '#engine';
import { createLogger } from '#observability';
import { watchModelRunner } from '#testing';
import { loadTokenizer } from '#tokenizer';
import { EXIT_CODES } from '../../apps/worker/src/lifecycle/exit-codes.js';
import { drainOnSignal, GracefulDrain } from '../../apps/worker/src/lifecycle/graceful-drain.js';
import { openSlotRunner } from '../../apps/worker/src/lifecycle/open-model-runner.js';
import { checkStartup } from '../../apps/worker/src/lifecycle/startup-checks.js';
import { newWorkerId } from '../../apps/worker/src/lifecycle/worker-state.js';
import { serveVariant } from '../../apps/worker/src/serve-variant.js';

/**
 * A worker, whole but for a fault in its model: it crashes while it decodes the text of a prompt that holds a certain
 * word.
 */
const POISON_WORD = 'Zyzzyva';
/** It lives for a few tokens, so that the job has something to show. */
const DECODES_UNTIL_CRASH = 5;

const settings = loadWorkerSettings();
const logger = createLogger('poison-worker', settings.DROVER_LOG_LEVEL);
const drain = new GracefulDrain(logger);
drainOnSignal({ drain: () => drain.drain(), exit: () => process.exit(), logger });
const device = { device: { kind: 'cpu' }, gpu: null } as const;
const variant = await checkStartup(settings, device);
const poison = (await loadTokenizer(variant.directory)).encodePrompt(POISON_WORD).slice(1);
const leaveUnsound = () => void drain.drain().then(() => process.exit(EXIT_CODES.unsound));
const facts = { settings, workerId: newWorkerId(), device, variant, logger, drain, leaveUnsound };
await serveVariant(facts, async (worker) => withFault(await openSlotRunner(worker), poison));

function withFault(runner: ModelRunner, word: Int32Array): ModelRunner {
  /** Decode steps left, by slot. */
  const poisoned = new Map<number, number>();
  const decode = (slot: number) => {
    const left = poisoned.get(slot);
    if (left === 0) process.kill(process.pid, 'SIGSEGV');
    if (left !== undefined) poisoned.set(slot, left - 1);
  };
  const watched = watchModelRunner(runner, ({ prefills, decodes }) => {
    for (const { slot, tokenIds, startPosition } of prefills) {
      if (startPosition === 0) poisoned.delete(slot);
      if (tokenIds.join().includes(word.join())) poisoned.set(slot, DECODES_UNTIL_CRASH);
      // Behind the prompt a chunk is a draft of several tokens.
      else decode(slot);
    }
    for (const { slot } of decodes) decode(slot);
  });
  const moveSlot = (from: number, to: number) => {
    const left = poisoned.get(from);
    poisoned.delete(from);
    poisoned.delete(to);
    if (left !== undefined) poisoned.set(to, left);
    runner.moveSlot(from, to);
  };
  const loadBlock = (block: number, slot: number, startPosition: number) => {
    if (startPosition === 0) poisoned.delete(slot);
    runner.loadBlock(block, slot, startPosition);
  };
  return { ...watched, moveSlot, loadBlock };
}
