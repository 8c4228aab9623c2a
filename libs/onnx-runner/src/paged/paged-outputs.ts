import type { PagedRow, TokenLogits } from '#engine';
import type { NamedTensors } from '../ort/session.js';
import { Tensor, tensorOver } from '../ort/tensor.js';
import type { PagedContract } from './paged-contract.js';
import type { StepCounts } from './paged-inputs.js';

/** Memory for what the host reads of a run; that of full rows grows with the most that were ever wanted. */
export class PagedOutputs {
  readonly #contract: PagedContract;
  readonly #topTokenIds: BigInt64Array<ArrayBuffer>;
  readonly #topLogits: Float32Array<ArrayBuffer>;
  readonly #logSumExps: Float32Array<ArrayBuffer>;
  #full = new Float32Array(new ArrayBuffer(0));

  /** @param rows most rows of logits of a run */
  constructor(contract: PagedContract, rows: number) {
    this.#contract = contract;
    this.#topTokenIds = new BigInt64Array(new ArrayBuffer(rows * contract.topLogits * 8));
    this.#topLogits = new Float32Array(new ArrayBuffer(rows * contract.topLogits * 4));
    this.#logSumExps = new Float32Array(new ArrayBuffer(rows * 4));
  }

  /** Tensors of a run; full rows are among them where they are wanted, and else stay on the device. */
  tensors({ logits, fullLogits }: StepCounts): NamedTensors {
    const { topLogits, vocabSize } = this.#contract;
    const top = {
      top_token_ids: new Tensor('int64', [logits, topLogits], this.#topTokenIds.buffer),
      top_logits: tensorOver('float32', [logits, topLogits], this.#topLogits),
      log_sum_exp: tensorOver('float32', [logits, 1], this.#logSumExps),
    };
    if (fullLogits === 0) return top;
    const elements = fullLogits * vocabSize;
    if (this.#full.length < elements) this.#full = new Float32Array(new ArrayBuffer(elements * 4));
    return { ...top, logits: tensorOver('float32', [fullLogits, vocabSize], this.#full) };
  }

  /** By row, then by its logit positions. */
  read(rows: readonly PagedRow[]): TokenLogits[][] {
    let index = 0;
    let full = 0;
    return rows.map(({ logits, logitPositions }) =>
      Array.from({ length: logitPositions }, () => {
        const top = index++;
        return logits === 'full' ? this.#fullRow(full++) : this.#topRow(top);
      }),
    );
  }

  #fullRow(row: number): Float32Array {
    const { vocabSize } = this.#contract;
    return this.#full.subarray(row * vocabSize, (row + 1) * vocabSize);
  }

  #topRow(row: number): TokenLogits {
    const { topLogits } = this.#contract;
    const [start, end] = [row * topLogits, (row + 1) * topLogits];
    return {
      tokenIds: Int32Array.from(this.#topTokenIds.subarray(start, end), Number),
      logits: this.#topLogits.subarray(start, end),
      logSumExp: this.#logSumExps[row] ?? Number.NaN,
    };
  }
}
