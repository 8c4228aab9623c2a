export { LlamaCheckpoint } from './checkpoint/llama-checkpoint.js';
export type { WeightSource } from './checkpoint/weight-source.js';
export { ensureVariants, type EnsureVariantsOptions } from './ensure-variants.js';
export { buildLlamaGraph } from './onnx/llama-graph.js';
export {
  ONNX_TYPE,
  encodeOnnxModel,
  type OnnxGraph,
  type OnnxInitializer,
  type OnnxNode,
} from './onnx/onnx-model.js';
export { buildPagedLlamaGraph } from './onnx/paged-llama-graph.js';
export { writeLlamaModel } from './onnx/write-llama-model.js';
export { writeWeights } from './onnx/write-weights.js';
export { float16Bits, float16Value } from './packing/float-formats.js';
export { planBits } from './plan/plan-bits.js';
export { planFloat32, planUniform, type QuantizationPlan } from './plan/quantization-plan.js';
export { quantizeCheckpoint, type QuantizeCheckpointOptions } from './quantize-checkpoint.js';
export { randomWeights } from './random/random-weights.js';
export {
  SHAPE_1B,
  writeRandomVariant,
  type RandomModelShape,
  type WriteRandomVariantOptions,
} from './random/write-random-variant.js';
export type { BuiltVariant, QuantizeProgress } from './variant/build-variants.js';
export { writeVariant, type WriteVariantOptions } from './variant/write-variant.js';
