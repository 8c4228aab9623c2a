export { InvalidStepError } from './check-step.js';
export { DeviceError, parseDevice, type Device } from './device.js';
export { evaluateLogits, type LogitsEvaluator } from './evaluate-logits.js';
export { ModelContractError } from './model-contract.js';
export { createOnnxModelRunner, type OnnxModelRunnerOptions } from './onnx-model-runner.js';
export { isOutOfMemory, OrtError, type OrtErrorCode } from './ort/ort-error.js';
export { OrtLibraryError } from './ort/ort-library.js';
