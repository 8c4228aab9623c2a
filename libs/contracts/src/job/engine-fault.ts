/**
 * What a step of the engine failed of:
 * - `broken_logits`: the model answered a text with NaN or infinities.
 * - `out_of_memory`: the device or the system refused memory for a run.
 * - `run_terminated`: the run was stopped from outside.
 * - `run_failed`: the runtime failed the run.
 * - `step_failed`: the engine itself, by a mistake in it.
 */
export const ENGINE_FAULTS = [
  'broken_logits',
  'out_of_memory',
  'run_terminated',
  'run_failed',
  'step_failed',
] as const;

export type EngineFault = (typeof ENGINE_FAULTS)[number];
