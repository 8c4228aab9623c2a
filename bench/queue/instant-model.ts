import type { ModelRunner, ModelRunnerInfo, ModelStep, StepLogits } from '#engine';

const FLOAT32_BYTES = 4;
const PEAK_LOGIT = 100;

export interface InstantModelShape {
  readonly vocabSize: number;
  readonly contextTokens: number;
  readonly slots: number;
  /** What it says at every position. */
  readonly tokenId: number;
}

/** A model that takes no time: every position answers with the same token. */
export class InstantModel implements ModelRunner {
  readonly info: ModelRunnerInfo;
  readonly #tokenId: number;
  readonly #rows: readonly Float32Array[];

  constructor({ tokenId, ...shape }: InstantModelShape) {
    this.#tokenId = tokenId;
    // No step holds more rows than a decode row or a chunk for every slot.
    this.#rows = Array.from({ length: shape.slots }, () => new Float32Array(shape.vocabSize));
    this.info = {
      ...shape,
      cacheTokens: shape.slots * shape.contextTokens,
      kvCacheBytes: shape.slots * shape.vocabSize * FLOAT32_BYTES,
      blockTokens: 32,
      blocks: 0,
    };
  }

  async run({ decodes, prefills }: ModelStep): Promise<StepLogits> {
    const rows = this.#rows.values();
    const nextRow = () => this.#answer(rows.next().value);
    return {
      decodes: decodes.map(nextRow),
      prefills: prefills.map(({ logitPositions }) => Array.from({ length: logitPositions }, nextRow)),
    };
  }

  saveBlock(): void {}

  loadBlock(): void {}

  moveSlot(): void {}

  trimSlot(): void {}

  async close(): Promise<void> {}

  /** The engine may have written to the row. */
  #answer(row: Float32Array | undefined): Float32Array {
    if (row === undefined) throw new Error('More rows in a step than slots. This is a bug of the engine.');
    row.fill(0);
    row[this.#tokenId] = PEAK_LOGIT;
    return row;
  }
}
