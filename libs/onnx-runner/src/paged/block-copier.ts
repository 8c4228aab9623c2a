import { dirname, join } from 'node:path';
import type { BlockCopy } from '#engine';
import { Session, type NamedTensors } from '../ort/session.js';
import type { SessionOptions } from '../ort/session-options.js';
import { Tensor, closeAll, tensorOver } from '../ort/tensor.js';
import type { BlockPool } from './block-pool.js';
import type { BlockTensor } from './paged-contract.js';

/** The graph beside `model.onnx`: caches, `from` [copies] and `to` [copies, 1] → the same caches, and `copied`. */
const COPY_FILE = 'copy-blocks.onnx';

/** Copies blocks on the device. Its graph gathers and scatters over the pool itself, so that it costs what it copies. */
export class BlockCopier {
  readonly #session: Session;
  readonly #pool: BlockPool;

  private constructor(session: Session, pool: BlockPool) {
    this.#session = session;
    this.#pool = pool;
  }

  static async open(modelPath: string, pool: BlockPool, options: SessionOptions): Promise<BlockCopier> {
    return new BlockCopier(await Session.open(join(dirname(modelPath), COPY_FILE), options), pool);
  }

  async copy(copies: readonly BlockCopy[]): Promise<void> {
    await this.#run(copies, {});
  }

  /** Keys or values of a block in one of the caches, read back to the host: [blockTokens, kvHeads, headDim]. */
  async read(block: number, { pastName, kvHeads, headDim }: BlockTensor): Promise<Float16Array> {
    const shape = [1, this.#pool.blockTokens, kvHeads, headDim];
    const values = new Float16Array(new ArrayBuffer(this.#pool.blockTokens * kvHeads * headDim * 2));
    const name = pastName.replace('past_key_values', 'copied');
    await this.#run([{ from: block, to: block }], { [name]: new Tensor('float16', shape, values.buffer) });
    return values;
  }

  close(): Promise<void> {
    return this.#session.close();
  }

  async #run(copies: readonly BlockCopy[], read: NamedTensors): Promise<void> {
    const inputs = {
      from: tensorOver('int64', [copies.length], int64(copies.map(({ from }) => from))),
      to: tensorOver('int64', [copies.length, 1], int64(copies.map(({ to }) => to))),
    };
    try {
      const binding = this.#session.bind(
        { ...inputs, ...this.#pool.past },
        { ...read, ...this.#pool.present },
      );
      await this.#session.run(binding, 'background');
    } finally {
      closeAll(inputs);
      closeAll(read);
    }
  }
}

function int64(values: readonly number[]): BigInt64Array {
  const array = new BigInt64Array(new ArrayBuffer(values.length * 8));
  values.forEach((value, index) => (array[index] = BigInt(value)));
  return array;
}
