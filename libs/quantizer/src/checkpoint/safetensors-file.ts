import { open, type FileHandle } from 'node:fs/promises';
import { z } from 'zod';
import { ModelFormatError } from '#model-store';

/** Types of a checkpoint's weights; others cannot be read as numbers here. */
const BYTES_PER_VALUE = { BF16: 2, F16: 2, F32: 4 } as const;
export type SafetensorsType = keyof typeof BYTES_PER_VALUE;

export interface SafetensorsEntry {
  readonly type: SafetensorsType;
  readonly shape: readonly number[];
  /** Position of the first byte in the file. */
  readonly begin: number;
}

const headerEntry = z.object({
  dtype: z.string(),
  shape: z.array(z.int().min(0)),
  data_offsets: z.tuple([z.int().min(0), z.int().min(0)]),
});

/** The format's own bound on the header (github.com/huggingface/safetensors). */
const MAX_HEADER_BYTES = 100_000_000;

/** One `*.safetensors` file, read by offsets. Its header is checked against the file's size when it is opened. */
export class SafetensorsFile {
  readonly path: string;
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
  readonly #file: FileHandle;

  private constructor(path: string, file: FileHandle, entries: ReadonlyMap<string, SafetensorsEntry>) {
    this.path = path;
    this.#file = file;
    this.entries = entries;
  }

  /** Throws `ModelFormatError` naming the file, and the tensor where one is at fault. */
  static async open(path: string): Promise<SafetensorsFile> {
    const file = await open(path, 'r');
    try {
      return new SafetensorsFile(path, file, await readEntries(path, file));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** `count` values of a tensor from value `first` on, as raw bytes. */
  async readBytes(tensor: string, first: number, count: number): Promise<Uint8Array> {
    const entry = this.entries.get(tensor);
    if (!entry) throw new ModelFormatError(`${this.path} has no tensor ${tensor}`);
    const size = BYTES_PER_VALUE[entry.type];
    const bytes = new Uint8Array(count * size);
    await readFully(this.path, this.#file, bytes, entry.begin + first * size);
    return bytes;
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

async function readEntries(path: string, file: FileHandle): Promise<Map<string, SafetensorsEntry>> {
  const { size } = await file.stat();
  if (size < 8) throw new ModelFormatError(`${path} is ${size} bytes long: no safetensors file`);
  const lengthBytes = new Uint8Array(8);
  await readFully(path, file, lengthBytes, 0);
  const headerBytes = Number(new DataView(lengthBytes.buffer).getBigUint64(0, true));
  if (headerBytes > Math.min(size - 8, MAX_HEADER_BYTES)) {
    throw new ModelFormatError(
      `${path} announces a header of ${headerBytes} bytes in a file of ${size}: truncated, or no safetensors file`,
    );
  }
  const header = new Uint8Array(headerBytes);
  await readFully(path, file, header, 8);
  return parseHeader(path, Buffer.from(header).toString('utf8'), 8 + headerBytes, size);
}

function parseHeader(
  path: string,
  text: string,
  dataBegin: number,
  fileBytes: number,
): Map<string, SafetensorsEntry> {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (cause) {
    throw new ModelFormatError(`${path}: the header is not JSON`, { cause });
  }
  const parsed = z.record(z.string(), z.unknown()).safeParse(header);
  if (!parsed.success) throw new ModelFormatError(`${path}: the header is no table of tensors`);
  const entries = new Map<string, SafetensorsEntry>();
  for (const [tensor, value] of Object.entries(parsed.data)) {
    if (tensor === '__metadata__') continue;
    entries.set(tensor, parseEntry(`${path}: tensor ${tensor}`, value, dataBegin, fileBytes));
  }
  return entries;
}

function parseEntry(where: string, value: unknown, dataBegin: number, fileBytes: number): SafetensorsEntry {
  const parsed = headerEntry.safeParse(value);
  if (!parsed.success) throw new ModelFormatError(`${where} has no dtype, shape and data_offsets`);
  const { dtype, shape, data_offsets: offsets } = parsed.data;
  if (!isReadable(dtype)) {
    throw new ModelFormatError(`${where} is of type ${dtype}; BF16, F16 and F32 can be read`);
  }
  const bytes = shape.reduce((a, b) => a * b, BYTES_PER_VALUE[dtype]);
  if (offsets[1] - offsets[0] !== bytes) {
    throw new ModelFormatError(
      `${where} of shape [${shape.join(', ')}] needs ${bytes} bytes and has ${offsets[1] - offsets[0]}`,
    );
  }
  const end = dataBegin + offsets[1];
  if (end > fileBytes) {
    throw new ModelFormatError(
      `${where} ends at byte ${end} of a file of ${fileBytes}: the file is truncated`,
    );
  }
  return { type: dtype, shape, begin: dataBegin + offsets[0] };
}

function isReadable(dtype: string): dtype is SafetensorsType {
  return Object.hasOwn(BYTES_PER_VALUE, dtype);
}

async function readFully(path: string, file: FileHandle, into: Uint8Array, position: number): Promise<void> {
  let done = 0;
  while (done < into.byteLength) {
    const { bytesRead } = await file.read(into, done, into.byteLength - done, position + done);
    if (bytesRead === 0) {
      throw new ModelFormatError(`${path} ends at byte ${position + done}: the file is truncated`);
    }
    done += bytesRead;
  }
}
