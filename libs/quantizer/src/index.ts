export { LlamaCheckpoint } from './checkpoint/llama-checkpoint.js';
export type { WeightSource } from './checkpoint/weight-source.js';
export { planBits } from './plan/plan-bits.js';
export type { QuantizationPlan } from './plan/quantization-plan.js';
export { writeLlamaModel } from './onnx/write-llama-model.js';
export { writeVariant } from './variant/write-variant.js';
export { randomWeights } from './random/random-weights.js';
