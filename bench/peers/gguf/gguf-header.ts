/** Value types of metadata, by the numbers of the format. */
const VALUE_TYPE = { uint32: 4, int32: 5, float32: 6, string: 8, array: 9 } as const;

const MAGIC = 'GGUF';
const VERSION = 3;

/** Tensors begin at multiples of this, counted from the start of the file's data. */
export const ALIGNMENT_BYTES = 32;

export type GgufValue =
  | { readonly uint32: number }
  | { readonly float32: number }
  | { readonly string: string }
  | { readonly strings: readonly string[] }
  | { readonly int32s: readonly number[] };

export interface GgufTensor {
  readonly name: string;
  /** Number of its format in ggml's list. */
  readonly type: number;
  /** Row-major, outermost first, as a checkpoint has it; the file has them in reverse. */
  readonly shape: readonly number[];
  readonly bytes: number;
}

/**
 * Everything of a GGUF file before its tensors' data, padded so that the data may follow. The data of each tensor,
 * in the order given, is padded to `ALIGNMENT_BYTES` as well.
 * Source: the format's description in ggml, docs/gguf.md, version 3.
 */
export function encodeGgufHeader(
  metadata: Readonly<Record<string, GgufValue>>,
  tensors: readonly GgufTensor[],
): Buffer {
  const entries = Object.entries(metadata);
  const parts = [Buffer.from(MAGIC), uint32(VERSION), uint64(tensors.length), uint64(entries.length)];
  for (const [key, value] of entries) parts.push(string(key), encodeValue(value));
  let offset = 0;
  for (const { name, type, shape, bytes } of tensors) {
    parts.push(string(name), uint32(shape.length), ...shape.toReversed().map(uint64));
    parts.push(uint32(type), uint64(offset));
    offset += aligned(bytes);
  }
  const header = Buffer.concat(parts);
  return Buffer.concat([header, paddingAfter(header.length)]);
}

export function paddingAfter(bytes: number): Buffer {
  return Buffer.alloc(aligned(bytes) - bytes);
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
}

function encodeValue(value: GgufValue): Buffer {
  if ('uint32' in value) return Buffer.concat([uint32(VALUE_TYPE.uint32), uint32(value.uint32)]);
  if ('float32' in value) return Buffer.concat([uint32(VALUE_TYPE.float32), float32(value.float32)]);
  if ('string' in value) return Buffer.concat([uint32(VALUE_TYPE.string), string(value.string)]);
  if ('strings' in value) return array('string', value.strings.map(string));
  return array('int32', value.int32s.map(int32));
}

function array(type: keyof typeof VALUE_TYPE, elements: readonly Buffer[]): Buffer {
  const head = [uint32(VALUE_TYPE.array), uint32(VALUE_TYPE[type]), uint64(elements.length)];
  return Buffer.concat([...head, ...elements]);
}

function string(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  return Buffer.concat([uint64(bytes.length), bytes]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

function float32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}
