import type { ModelRunner, ModelStep } from '#engine';

/** The runner, with `beforeRun` called before each of its runs; what that throws fails the run. */
export function watchModelRunner(runner: ModelRunner, beforeRun: (step: ModelStep) => void): ModelRunner {
  return {
    info: runner.info,
    run: async (step) => {
      beforeRun(step);
      return runner.run(step);
    },
    saveBlock: (...at) => runner.saveBlock(...at),
    loadBlock: (...at) => runner.loadBlock(...at),
    moveSlot: (...slots) => runner.moveSlot(...slots),
    trimSlot: (slot) => runner.trimSlot(slot),
    close: () => runner.close(),
  };
}
