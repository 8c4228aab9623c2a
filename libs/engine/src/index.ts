export type * from './ports/model-runner.port.js';
export type * from './ports/token-text-decoder.port.js';
export type * from './sequence/generation-request.js';
export type { SamplingParams } from './sampling/sampling-params.js';
