import type { NamedTensors } from '../ort/session.js';
import { tensorOver } from '../ort/tensor.js';
import type { PackedStep } from './pack-step.js';

export interface PagedBounds {
  readonly tokens: number;
  readonly blocksPerSequence: number;
}

/** Memory for the inputs of a run, the same from step to step. */
export class PagedInputs {
  readonly #tokenIds: BigInt64Array<ArrayBuffer>;
  readonly #ends: Int32Array<ArrayBuffer>;
  readonly #starts: Int32Array<ArrayBuffer>;
  readonly #table: Int32Array<ArrayBuffer>;
  readonly #bounds = new Int32Array(new ArrayBuffer(8));
  readonly #logitTokens: BigInt64Array<ArrayBuffer>;
  readonly #fullLogits: BigInt64Array<ArrayBuffer>;

  /** @param bounds of a packed step; it has as many spans, and logits, as tokens at most */
  constructor({ tokens, blocksPerSequence }: PagedBounds) {
    this.#tokenIds = new BigInt64Array(new ArrayBuffer(tokens * 8));
    this.#ends = new Int32Array(new ArrayBuffer((tokens + 1) * 4));
    this.#starts = new Int32Array(new ArrayBuffer(tokens * 4));
    this.#table = new Int32Array(new ArrayBuffer(tokens * blocksPerSequence * 4));
    this.#logitTokens = new BigInt64Array(new ArrayBuffer(tokens * 8));
    this.#fullLogits = new BigInt64Array(new ArrayBuffer(tokens * 8));
  }

  /** Writes a step into the memory. */
  fill(step: PackedStep, tableWidth: number): void {
    let token = 0;
    for (const [index, { blocks, tokenIds, startPosition }] of step.spans.entries()) {
      for (const tokenId of tokenIds) this.#tokenIds[token++] = BigInt(tokenId);
      this.#ends[index + 1] = token;
      this.#starts[index] = startPosition;
      // Places behind a span's own blocks are never looked at.
      for (let i = 0; i < tableWidth; i++) this.#table[index * tableWidth + i] = blocks[i] ?? 0;
    }
    this.#bounds.set([step.spanTokens, step.contextTokens]);
    step.logitTokens.forEach((place, index) => (this.#logitTokens[index] = BigInt(place)));
    this.#fullLogits[0] = 0n;
    step.fullLogits.forEach((place, index) => (this.#fullLogits[index] = BigInt(place)));
  }

  /** Tensors over what `fill` writes for a step of these counts. */
  tensors(counts: StepCounts): NamedTensors {
    const { tokens, spans, tableWidth, logits, fullLogits } = counts;
    return {
      input_ids: tensorOver('int64', [tokens], this.#tokenIds),
      cumulative_sequence_lengths: tensorOver('int32', [spans + 1], this.#ends),
      past_sequence_lengths: tensorOver('int32', [spans], this.#starts),
      block_table: tensorOver('int32', [spans, tableWidth], this.#table),
      attention_metadata: tensorOver('int32', [2], this.#bounds),
      logit_indices: tensorOver('int64', [logits], this.#logitTokens),
      // One where none is wanted: a device has no use for an empty tensor.
      full_logit_indices: tensorOver('int64', [Math.max(1, fullLogits)], this.#fullLogits),
    };
  }
}

/** What the shapes of a run follow from. */
export interface StepCounts {
  readonly tokens: number;
  readonly spans: number;
  readonly tableWidth: number;
  readonly logits: number;
  readonly fullLogits: number;
}
