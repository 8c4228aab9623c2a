import koffi from 'koffi';
import { elementTypeOf, type ElementType } from './element-type.js';
import { pointerArray } from './native-memory.js';
import { checkStatus, createHandle, filled, ortApi, type Out, type Pointer, type Status } from './ort-api.js';

/** One input or output of a model. */
export interface TensorInfo {
  readonly name: string;
  /** Undefined for a type that this library does not handle. */
  readonly elementType: ElementType | undefined;
  /** A number where the model fixes the dimension, else its symbolic name (empty where it has none). */
  readonly shape: readonly (number | string)[];
}

type Direction = 'Input' | 'Output';

export function readTensorInfos(session: Pointer, direction: Direction): readonly TensorInfo[] {
  const api = ortApi();
  const count = readNumber((out) => api[`SessionGet${direction}Count`](session, out));
  return Array.from({ length: count }, (_, index) => readTensorInfo(session, direction, index));
}

function readTensorInfo(session: Pointer, direction: Direction, index: number): TensorInfo {
  const api = ortApi();
  const name = readName(session, direction, index);
  const typeInfo = createHandle(`read the type of ${name}`, (out) =>
    api[`SessionGet${direction}TypeInfo`](session, index, out),
  );
  try {
    const cast: Out<Pointer> = [null];
    checkStatus(api.CastTypeInfoToTensorInfo(typeInfo, cast), `read the type of ${name}`);
    const [tensorInfo] = cast;
    // A sequence or a map is no tensor, and the cast then gives null.
    if (tensorInfo === null) return { name, elementType: undefined, shape: [] };
    const code = readNumber((out) => api.GetTensorElementType(tensorInfo, out));
    return { name, elementType: elementTypeOf(code), shape: readShape(tensorInfo) };
  } finally {
    api.ReleaseTypeInfo(typeInfo);
  }
}

function readName(session: Pointer, direction: Direction, index: number): string {
  const api = ortApi();
  const allocator = createHandle('find the default allocator', (out) =>
    api.GetAllocatorWithDefaultOptions(out),
  );
  const address = createHandle(`read the name of an ${direction}`, (out) =>
    api[`SessionGet${direction}Name`](session, index, allocator, out),
  );
  const name = koffi.decode.string(address);
  checkStatus(api.AllocatorFree(allocator, address), 'free a name');
  return name;
}

function readShape(tensorInfo: Pointer): (number | string)[] {
  const api = ortApi();
  const rank = readNumber((out) => api.GetDimensionsCount(tensorInfo, out));
  const dimensions = new BigInt64Array(new ArrayBuffer(rank * 8));
  checkStatus(api.GetDimensions(tensorInfo, dimensions, rank), 'read a shape');
  const names = pointerArray(Array.from({ length: rank }, () => 0n));
  checkStatus(api.GetSymbolicDimensions(tensorInfo, names.address, rank), 'read a shape');
  const symbols: string[] = koffi.decode(names.address, 'str', rank);
  return Array.from(dimensions, (size, axis) => (size >= 0n ? Number(size) : (symbols[axis] ?? '')));
}

function readNumber(call: (out: Out<number>) => Status): number {
  const out: Out<number> = [null];
  checkStatus(call(out), 'read the model');
  return filled(out, 'read the model');
}
