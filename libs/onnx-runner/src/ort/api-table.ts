/**
 * The functions of ONNX Runtime's `OrtApi` that this library calls. `OrtApi` is a C struct of function pointers to
 * which releases only append, so an index, once published in `onnxruntime_c_api.h`, stays what it is.
 *
 * Each entry is [index, result, arguments], in koffi's type names. Every `void *` is an opaque handle or an
 * address; `status` is an `OrtStatus *`, null on success.
 */
const POINTER = 'void *';
const STATUS = 'void *';
const OUT_POINTER = '_Out_ void **';
const OUT_SIZE = '_Out_ size_t *';
const OUT_INT = '_Out_ int *';
/** File paths are `ORTCHAR_T`: UTF-16 on Windows, bytes elsewhere. */
const PATH = process.platform === 'win32' ? 'str16' : 'str';

type ApiEntry = readonly [index: number, result: string, argumentTypes: readonly string[]];

export const API_VERSION = 22;

export const apiTable = {
  GetErrorCode: [1, 'int', [POINTER]],
  GetErrorMessage: [2, 'str', [POINTER]],
  ReleaseStatus: [93, 'void', [POINTER]],

  CreateEnv: [3, STATUS, ['int', 'str', OUT_POINTER]],

  CreateSessionOptions: [10, STATUS, [OUT_POINTER]],
  SetIntraOpNumThreads: [24, STATUS, [POINTER, 'int']],
  SetSessionGraphOptimizationLevel: [23, STATUS, [POINTER, 'int']],
  AddSessionConfigEntry: [130, STATUS, [POINTER, 'str', 'str']],
  SessionOptionsAppendExecutionProvider: [216, STATUS, [POINTER, 'str', POINTER, POINTER, 'size_t']],
  CreateCUDAProviderOptions: [205, STATUS, [OUT_POINTER]],
  UpdateCUDAProviderOptions: [206, STATUS, [POINTER, POINTER, POINTER, 'size_t']],
  SessionOptionsAppendExecutionProvider_CUDA_V2: [204, STATUS, [POINTER, POINTER]],
  ReleaseCUDAProviderOptions: [208, 'void', [POINTER]],
  ReleaseSessionOptions: [100, 'void', [POINTER]],

  CreateSession: [7, STATUS, [POINTER, PATH, POINTER, OUT_POINTER]],
  ReleaseSession: [95, 'void', [POINTER]],
  SessionGetInputCount: [30, STATUS, [POINTER, OUT_SIZE]],
  SessionGetOutputCount: [31, STATUS, [POINTER, OUT_SIZE]],
  SessionGetInputTypeInfo: [33, STATUS, [POINTER, 'size_t', OUT_POINTER]],
  SessionGetOutputTypeInfo: [34, STATUS, [POINTER, 'size_t', OUT_POINTER]],
  SessionGetInputName: [36, STATUS, [POINTER, 'size_t', POINTER, OUT_POINTER]],
  SessionGetOutputName: [37, STATUS, [POINTER, 'size_t', POINTER, OUT_POINTER]],
  CastTypeInfoToTensorInfo: [55, STATUS, [POINTER, OUT_POINTER]],
  GetTensorElementType: [60, STATUS, [POINTER, OUT_INT]],
  GetDimensionsCount: [61, STATUS, [POINTER, OUT_SIZE]],
  GetDimensions: [62, STATUS, [POINTER, POINTER, 'size_t']],
  GetSymbolicDimensions: [63, STATUS, [POINTER, POINTER, 'size_t']],
  ReleaseTypeInfo: [98, 'void', [POINTER]],
  GetAllocatorWithDefaultOptions: [78, STATUS, [OUT_POINTER]],
  AllocatorFree: [76, STATUS, [POINTER, POINTER]],

  CreateMemoryInfo: [68, STATUS, ['str', 'int', 'int', 'int', OUT_POINTER]],
  ReleaseMemoryInfo: [94, 'void', [POINTER]],
  CreateAllocator: [131, STATUS, [POINTER, POINTER, OUT_POINTER]],
  ReleaseAllocator: [132, 'void', [POINTER]],
  CreateTensorAsOrtValue: [48, STATUS, [POINTER, POINTER, 'size_t', 'int', OUT_POINTER]],
  CreateCpuMemoryInfo: [69, STATUS, ['int', 'int', OUT_POINTER]],
  CreateTensorWithDataAsOrtValue: [
    49,
    STATUS,
    [POINTER, POINTER, 'size_t', POINTER, 'size_t', 'int', OUT_POINTER],
  ],
  ReleaseValue: [96, 'void', [POINTER]],

  Run: [9, STATUS, [POINTER, POINTER, POINTER, POINTER, 'size_t', POINTER, 'size_t', POINTER]],
  CreateRunOptions: [39, STATUS, [OUT_POINTER]],
  RunOptionsSetTerminate: [46, STATUS, [POINTER]],
  ReleaseRunOptions: [97, 'void', [POINTER]],
} as const satisfies Record<string, ApiEntry>;

export type ApiFunctionName = keyof typeof apiTable;
