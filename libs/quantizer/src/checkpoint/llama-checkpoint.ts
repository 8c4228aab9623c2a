import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import {
  EMBEDDING_TENSOR,
  HEAD_TENSOR,
  ModelFormatError,
  checkpointShapes,
  isFileMissing,
  readJson,
  readLlamaConfig,
  sha256File,
  type LlamaConfig,
} from '#model-store';
import { bfloat16ToFloat32, float16ToFloat32 } from '../packing/float-formats.js';
import { SafetensorsFile, type SafetensorsType } from './safetensors-file.js';
import { WEIGHTS_PER_PIECE, type WeightSource } from './weight-source.js';

const SINGLE_FILE = 'model.safetensors';
const INDEX_FILE = 'model.safetensors.index.json';
const weightIndex = z.object({ weight_map: z.record(z.string(), z.string()) });

/** Tensors that older exports carry and that follow from the configuration. */
const DERIVED_TENSOR = /\.rotary_emb\.inv_freq$/;

/**
 * A Hugging Face checkpoint directory: `config.json` and one or many `*.safetensors`. Every tensor's presence and
 * shape is checked when it is opened; weights are read piece by piece.
 */
export class LlamaCheckpoint implements WeightSource {
  readonly directory: string;
  readonly config: LlamaConfig;
  readonly #files: readonly SafetensorsFile[];
  readonly #home: ReadonlyMap<string, SafetensorsFile>;

  private constructor(directory: string, config: LlamaConfig, files: readonly SafetensorsFile[]) {
    this.directory = directory;
    this.config = config;
    this.#files = files;
    this.#home = new Map(files.flatMap((file) => [...file.entries.keys()].map((tensor) => [tensor, file])));
  }

  /** Throws `ModelFormatError` naming the file and the tensor at fault. */
  static async open(directory: string): Promise<LlamaCheckpoint> {
    const config = await readConfig(directory);
    const files: SafetensorsFile[] = [];
    try {
      for (const name of await weightFiles(directory)) {
        files.push(await SafetensorsFile.open(join(directory, name)));
      }
      checkTensors(directory, config, files);
      return new LlamaCheckpoint(directory, config, files);
    } catch (error) {
      await closeAll(files);
      throw error;
    }
  }

  async *rows(tensor: string): AsyncGenerator<Float32Array> {
    const stored = tensor === HEAD_TENSOR && this.config.tieWordEmbeddings ? EMBEDDING_TENSOR : tensor;
    const file = this.#home.get(stored);
    const entry = file?.entries.get(stored);
    if (!file || !entry) throw new ModelFormatError(`${this.directory} has no tensor ${stored}`);
    const columns = entry.shape.at(-1) ?? 1;
    const values = entry.shape.reduce((a, b) => a * b, 1);
    const piece = Math.max(1, Math.floor(WEIGHTS_PER_PIECE / columns)) * columns;
    for (let first = 0; first < values; first += piece) {
      const bytes = await file.readBytes(stored, first, Math.min(piece, values - first));
      yield toFloat32(bytes, entry.type);
    }
  }

  /** Digest over the configuration and every weight file: what a variant was made from. */
  async sha256(signal?: AbortSignal): Promise<string> {
    const digest = createHash('sha256').update(await readFile(join(this.directory, 'config.json')));
    for (const { path } of this.#files) {
      digest.update(`\n${basename(path)} ${await sha256File(path, signal)}`);
    }
    return digest.digest('hex');
  }

  close(): Promise<void> {
    return closeAll(this.#files);
  }
}

async function closeAll(files: readonly SafetensorsFile[]): Promise<void> {
  await Promise.all(files.map((file) => file.close()));
}

async function readConfig(directory: string): Promise<LlamaConfig> {
  try {
    return await readLlamaConfig(directory);
  } catch (cause) {
    if (!isFileMissing(cause)) throw cause;
    throw new ModelFormatError(
      `${directory} holds no config.json; name the folder of a Hugging Face Llama checkpoint`,
      { cause },
    );
  }
}

/** Names of the weight files in a fixed order: those of the index where there is one. */
async function weightFiles(directory: string): Promise<string[]> {
  const names = await readdir(directory);
  if (names.includes(INDEX_FILE)) {
    const path = join(directory, INDEX_FILE);
    const index = weightIndex.safeParse(await readJson(path));
    if (!index.success) throw new ModelFormatError(`${path} has no weight_map`);
    const files = [...new Set(Object.values(index.data.weight_map))].toSorted();
    for (const file of files) {
      if (basename(file) !== file) throw new ModelFormatError(`${path}: ${file} is outside the checkpoint`);
      if (!names.includes(file)) throw new ModelFormatError(`${path} names ${file}, which is not there`);
    }
    return files;
  }
  if (names.includes(SINGLE_FILE)) return [SINGLE_FILE];
  throw new ModelFormatError(`${directory} has neither ${SINGLE_FILE} nor ${INDEX_FILE}`);
}

function checkTensors(directory: string, config: LlamaConfig, files: readonly SafetensorsFile[]): void {
  const expected = checkpointShapes(config);
  const seen = new Map<string, string>();
  for (const file of files) {
    for (const [tensor, { shape }] of file.entries) {
      if (DERIVED_TENSOR.test(tensor) || (config.tieWordEmbeddings && tensor === HEAD_TENSOR)) continue;
      const other = seen.get(tensor);
      if (other) throw new ModelFormatError(`${file.path} repeats tensor ${tensor} of ${other}`);
      seen.set(tensor, file.path);
      const wanted = expected.get(tensor);
      if (!wanted) throw new ModelFormatError(`${file.path} has tensor ${tensor}, which no Llama model has`);
      if (wanted.join() !== shape.join()) {
        throw new ModelFormatError(
          `${file.path}: tensor ${tensor} is [${shape.join(', ')}], config.json asks for [${wanted.join(', ')}]`,
        );
      }
    }
  }
  const missing = [...expected.keys()].filter((tensor) => !seen.has(tensor));
  if (missing.length > 0) {
    const rest = missing.length > 1 ? ` and ${missing.length - 1} more` : '';
    throw new ModelFormatError(`${directory} lacks tensor ${missing[0]}${rest}`);
  }
}

function toFloat32(bytes: Uint8Array, type: SafetensorsType): Float32Array {
  switch (type) {
    case 'BF16':
      return bfloat16ToFloat32(new Uint16Array(bytes.buffer));
    case 'F16':
      return float16ToFloat32(new Uint16Array(bytes.buffer));
    case 'F32':
      return new Float32Array(bytes.buffer);
    default:
      return type satisfies never;
  }
}
