import koffi, { type LibraryHandle } from 'koffi';
import { API_VERSION, apiTable, type ApiFunctionName } from './api-table.js';
import { loadNativeLibrary } from './native-library.js';
import { OrtError, ortErrorCode } from './ort-error.js';
import { OrtLibraryError, findOrtLibrary } from './ort-library.js';

/** An opaque native handle or an address. */
export type Pointer = bigint;

/** A one-element array that a native function fills: how koffi passes an out argument. */
export type Out<T> = [T | null];

/** A typed array is passed by address and held for the length of the call, which is enough for a synchronous one. */
type NativeArgument =
  Pointer | number | string | null | BigInt64Array | BigUint64Array | Out<Pointer> | Out<number>;
/** JavaScript's side of a C result type: what koffi returns for it. */
interface ResultTypes {
  readonly 'void *': Pointer | null;
  readonly int: number;
  readonly str: string;
  readonly void: undefined;
}

/** An `OrtStatus *`, null on success; `checkStatus` takes and frees it. */
export type Status = Pointer | null;

interface NativeFunction<Result> {
  (...args: NativeArgument[]): Result;
  async(...args: [...NativeArgument[], (error: Error | null, result: Result) => void]): void;
}

export type OrtApi = {
  readonly [Name in ApiFunctionName]: NativeFunction<ResultTypes[(typeof apiTable)[Name][1]]>;
};

interface LoadedLibrary {
  readonly api: OrtApi;
  /** Never read, only held. */
  readonly handle: unknown;
}

let loaded: LoadedLibrary | undefined;

/**
 * ONNX Runtime's function table, loaded at the first call and kept for the life of the process.
 *
 * @throws OrtLibraryError where the library is missing, does not load, or is too old.
 */
export function ortApi(): OrtApi {
  loaded ??= loadLibrary(findOrtLibrary());
  return loaded.api;
}

function loadLibrary(path: string): LoadedLibrary {
  const handle = openLibrary(path);
  const base: Pointer = handle.func('OrtGetApiBase', 'void *', [])();
  const [getApi] = pointersAt(base, 1);
  const table: Pointer | null = nativeFunction(getApi, 'void *', ['uint32_t'])(API_VERSION);
  if (table === null) throw new OrtLibraryError(`${path} is older than ONNX Runtime 1.${API_VERSION}.`);

  const entries = Object.entries(apiTable);
  const addresses = pointersAt(table, 1 + Math.max(...entries.map(([, [index]]) => index)));
  const functions = entries.map(([name, [index, result, argumentTypes]]) => [
    name,
    nativeFunction(addresses[index], result, argumentTypes),
  ]);
  return { api: Object.fromEntries(functions), handle };
}

function openLibrary(path: string): LibraryHandle {
  try {
    return loadNativeLibrary(path);
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    throw new OrtLibraryError(`${path} does not load: ${detail}`, { cause: error });
  }
}

function pointersAt(address: Pointer, count: number): Pointer[] {
  return koffi.decode(address, 'void *', count);
}

function nativeFunction(address: Pointer | undefined, result: string, argumentTypes: readonly string[]) {
  return koffi.decode(address, koffi.proto(result, [...argumentTypes]));
}

/** Turns the `OrtStatus` of a finished call into an error, and frees it. `operation` reads on after "could not". */
export function checkStatus(status: Status, operation: string): void {
  if (status === null) return;
  const api = ortApi();
  const code = ortErrorCode(api.GetErrorCode(status));
  const message = api.GetErrorMessage(status);
  api.ReleaseStatus(status);
  throw new OrtError(code, operation, message);
}

/** Calls a function whose last argument is a handle to be filled, and returns the handle. */
export function createHandle(operation: string, call: (out: Out<Pointer>) => Status): Pointer {
  const out: Out<Pointer> = [null];
  checkStatus(call(out), operation);
  return filled(out, operation);
}

export function filled<T>([value]: Out<T>, operation: string): T {
  if (value === null) throw new OrtError('FAIL', operation, 'it returned no value');
  return value;
}
