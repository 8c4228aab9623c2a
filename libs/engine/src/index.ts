export { Engine } from './engine.js';
export type { EngineDependencies } from './engine-options.js';
export { findViolations } from './engine-invariants.js';
export type * from './engine-snapshot.js';
export {
  BrokenLogitsError,
  EngineClosedError,
  EngineQueueFullError,
  EngineStepError,
  InvalidGenerationRequestError,
  ModelRunError,
} from './errors.js';
export type * from './ports/model-runner.port.js';
export type * from './ports/paged-runner.port.js';
export type * from './ports/token-constraint.port.js';
export type * from './ports/token-logits.js';
export type * from './ports/token-text-decoder.port.js';
export { compileSamplingParams } from './sampling/compile-sampling-params.js';
export type { SamplingParams } from './sampling/sampling-params.js';
export { seedOfChoice } from './sampling/seed-of-choice.js';
export type { TokenLogprobs } from './sampling/token-logprobs.js';
export type * from './sequence/generation-request.js';
export type { PromptTokenLogprobs } from './sequence/prompt-scores.js';
