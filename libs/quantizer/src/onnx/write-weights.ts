import {
  EMBEDDING_TENSOR,
  FINAL_NORM_TENSOR,
  HEAD_TENSOR,
  ModelFormatError,
  inputNormTensor,
  postAttentionNormTensor,
} from '#model-store';
import type { WeightSource } from '../checkpoint/weight-source.js';
import { blockLayout, type BlockFormat } from '../packing/block-layout.js';
import { LARGEST_FLOAT16, checkMagnitudes } from '../packing/check-magnitudes.js';
import { float32ToFloat16 } from '../packing/float-formats.js';
import { quantizeRows } from '../packing/quantize-rows.js';
import { plannedLinears, sharesHead, type PlannedLinear } from '../plan/planned-linears.js';
import { storedMatrices, type StoredMatrix } from '../plan/stored-matrices.js';
import type { QuantizationPlan } from '../plan/quantization-plan.js';
import { bytesOf } from './bytes-of.js';
import { CONSTANTS, COS_CACHE, SIN_CACHE, packedName, scalesName } from './initializer-names.js';
import { InitializerStore } from './initializer-store.js';
import type { OnnxInitializer } from './onnx-model.js';
import { rotaryCache } from './rotary-cache.js';

const LARGEST_INT64 = 2n ** 63n - 1n;

export interface WriteWeightsOptions {
  readonly source: WeightSource;
  readonly plan: QuantizationPlan;
  /** Exists and holds no model yet. */
  readonly directory: string;
  readonly signal?: AbortSignal | undefined;
  readonly onTensor?: ((tensor: string, done: number, total: number) => void) | undefined;
}

/**
 * Writes `model.onnx.data`, streaming: in memory is one piece of one tensor (for float32 one whole tensor, which is
 * stored transposed). Returns what `model.onnx` must say of every stored tensor. Aborting leaves the directory to
 * the caller to remove.
 */
export async function writeWeights(options: WriteWeightsOptions): Promise<readonly OnnxInitializer[]> {
  const store = await InitializerStore.create(options.directory);
  try {
    await new WeightsWriter(options, store).writeAll();
  } finally {
    await store.close();
  }
  return store.initializers;
}

class WeightsWriter {
  readonly #options: WriteWeightsOptions;
  readonly #store: InitializerStore;
  readonly #source: WeightSource;

  constructor(options: WriteWeightsOptions, store: InitializerStore) {
    this.#options = options;
    this.#store = store;
    this.#source = options.source;
  }

  async writeAll(): Promise<void> {
    const { config } = this.#source;
    const linears = plannedLinears(config, this.#options.plan);
    const head = linears.get(HEAD_TENSOR)!;
    const work: [string, () => Promise<void>][] = [];
    if (!sharesHead(config, head)) work.push([EMBEDDING_TENSOR, () => this.#embedding(head)]);
    for (const norm of normTensors(config.layers)) work.push([norm, () => this.#norm(norm)]);
    for (const matrix of storedMatrices(linears, config.layers)) {
      work.push([matrix.name, () => this.#matrix(matrix)]);
    }

    await this.#constants(head);
    for (const [done, [tensor, write]] of work.entries()) {
      this.#options.onTensor?.(tensor, done, work.length);
      try {
        await write();
      } catch (cause) {
        if (cause instanceof RangeError) throw new ModelFormatError(`${tensor}: ${cause.message}`, { cause });
        throw cause;
      }
    }
  }

  async #constants(head: PlannedLinear): Promise<void> {
    const { config } = this.#source;
    const int64 = (name: string, dims: number[], values: (number | bigint)[]) =>
      this.#store.add({ name, type: 'int64', dims }, [bytesOf(BigInt64Array.from(values, BigInt))]);
    await int64(CONSTANTS.one, [], [1]);
    await int64(CONSTANTS.axis0, [1], [0]);
    await int64(CONSTANTS.axis1, [1], [1]);
    await int64(CONSTANTS.end, [1], [LARGEST_INT64]);
    if (sharesHead(config, head)) {
      await int64(
        CONSTANTS.embeddingShape,
        [2],
        [head.rows, blockLayout(head.columns, blocks(head)).rowBytes],
      );
    }
    const { cos, sin } = rotaryCache(config);
    const dims = [config.contextTokens, config.headDim / 2];
    await this.#store.add({ name: COS_CACHE, type: 'float32', dims }, [bytesOf(cos)]);
    await this.#store.add({ name: SIN_CACHE, type: 'float32', dims }, [bytesOf(sin)]);
  }

  /** Looked up, not multiplied: 16 bits lose nothing that matters there. The float32 export keeps all. */
  async #embedding(head: PlannedLinear): Promise<void> {
    const tensor = { name: EMBEDDING_TENSOR, dims: [head.rows, head.columns] };
    if (head.bits === 32) {
      await this.#store.add({ ...tensor, type: 'float32' }, mapAsync(this.#rows(tensor.name), bytesOf));
      return;
    }
    const halves = mapAsync(this.#rows(tensor.name, LARGEST_FLOAT16), (piece) =>
      bytesOf(float32ToFloat16(piece)),
    );
    await this.#store.add({ ...tensor, type: 'float16' }, halves);
  }

  async #norm(name: string): Promise<void> {
    const dims = [this.#source.config.hiddenSize];
    await this.#store.add({ name, type: 'float32', dims }, mapAsync(this.#rows(name), bytesOf));
  }

  async #matrix(matrix: StoredMatrix): Promise<void> {
    if (matrix.bits === 32) return this.#transposed(matrix);
    const { name, tensors, rows, columns } = matrix;
    const format = blocks(matrix);
    const { blocksPerRow, blockBytes } = blockLayout(columns, format);
    const scales: Uint8Array[] = [];
    const packed = mapAsync(this.#rowsOfAll(tensors), (piece) => {
      const quantized = quantizeRows(piece, columns, format);
      scales.push(bytesOf(quantized.scales));
      return quantized.packed;
    });
    const dims = [rows, blocksPerRow, blockBytes];
    await this.#store.add({ name: packedName(name), type: 'uint8', dims }, packed);
    await this.#store.add({ name: scalesName(name), type: 'float16', dims: [rows, blocksPerRow] }, scales);
  }

  /** MatMul wants `[columns, rows]`. */
  async #transposed({ name, tensors, rows, columns }: StoredMatrix): Promise<void> {
    const transposed = new Float32Array(rows * columns);
    let row = 0;
    for await (const piece of this.#rowsOfAll(tensors)) {
      for (let i = 0; i < piece.length; row++) {
        for (let column = 0; column < columns; column++) transposed[column * rows + row] = piece[i++]!;
      }
    }
    await this.#store.add({ name, type: 'float32', dims: [columns, rows] }, [bytesOf(transposed)]);
  }

  async *#rowsOfAll(tensors: readonly string[]): AsyncGenerator<Float32Array> {
    for (const tensor of tensors) yield* this.#rows(tensor);
  }

  async *#rows(tensor: string, largest?: number): AsyncGenerator<Float32Array> {
    for await (const piece of this.#source.rows(tensor)) {
      this.#options.signal?.throwIfAborted();
      checkMagnitudes(piece, largest);
      yield piece;
    }
  }
}

function normTensors(layers: number): string[] {
  const perLayer = Array.from({ length: layers }, (_, layer) => [
    inputNormTensor(layer),
    postAttentionNormTensor(layer),
  ]);
  return [...perLayer.flat(), FINAL_NORM_TENSOR];
}

function blocks({ bits, blockSize }: PlannedLinear | StoredMatrix): BlockFormat {
  if (bits === 32) throw new Error('A float32 matrix has no blocks. This is a bug.');
  return { bits, blockSize };
}

async function* mapAsync<T, U>(items: AsyncIterable<T>, map: (item: T) => U): AsyncGenerator<U> {
  for await (const item of items) yield map(item);
}
