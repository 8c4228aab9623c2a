export { InvalidStepError } from './check-step.js';
export { DeviceError, formatDevice, parseDevice, type Device } from './device.js';
export {
  AUTO_KINDS,
  describeGpu,
  listGpus,
  type Gpu,
  type GpuLister,
  type GpuListing,
} from './devices/list-gpus.js';
export { evaluateLogits, type LogitsEvaluator } from './evaluate-logits.js';
export { ModelContractError } from './model-contract.js';
export { createOnnxModelRunner, type OnnxModelRunnerOptions } from './onnx-model-runner.js';
export { isOutOfMemory, OrtError, type OrtErrorCode } from './ort/ort-error.js';
export { evaluatePagedLogits } from './paged/evaluate-paged-logits.js';
export { createPagedRunner, type PagedRunnerOptions } from './paged/create-paged-runner.js';
export { threadPoolOf, type ThreadPool } from './ort/session-options.js';
export { OrtLibraryError } from './ort/ort-library.js';
