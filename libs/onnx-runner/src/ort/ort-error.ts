/** `OrtErrorCode` of `onnxruntime_c_api.h`, by value. */
const CODE_NAMES = [
  'OK',
  'FAIL',
  'INVALID_ARGUMENT',
  'NO_SUCHFILE',
  'NO_MODEL',
  'ENGINE_ERROR',
  'RUNTIME_EXCEPTION',
  'INVALID_PROTOBUF',
  'MODEL_LOADED',
  'NOT_IMPLEMENTED',
  'INVALID_GRAPH',
  'EP_FAIL',
  'MODEL_LOAD_CANCELED',
  'MODEL_REQUIRES_COMPILATION',
  'NOT_FOUND',
] as const;

export type OrtErrorCode = (typeof CODE_NAMES)[number] | 'UNKNOWN';

export function ortErrorCode(value: number): OrtErrorCode {
  return CODE_NAMES[value] ?? 'UNKNOWN';
}

/** How ONNX Runtime and its devices say that memory ran out; no code of its own tells it. */
const OUT_OF_MEMORY = /bad_alloc|failed to allocate memory|out of memory/i;

/** ONNX Runtime refused or failed a call: its code, its own words, and what we were doing. */
export class OrtError extends Error {
  override readonly name = 'OrtError';
  readonly code: OrtErrorCode;
  /** What was being done, such as `load model /models/x/model.onnx`. */
  readonly operation: string;

  constructor(code: OrtErrorCode, operation: string, detail: string) {
    super(`ONNX Runtime could not ${operation}: ${detail} (${code})`);
    this.code = code;
    this.operation = operation;
  }
}

/** True where memory was refused: by ONNX Runtime, its device, or the system when V8 asked for a buffer. */
export function isOutOfMemory(error: unknown): error is Error {
  if (error instanceof RangeError) return /allocation failed/i.test(error.message);
  return error instanceof OrtError && OUT_OF_MEMORY.test(error.message);
}
