import type { PrefillChunk } from '#engine';
import type { CacheView, KvCache } from './kv-cache.js';
import { LogitsRows } from './logits-rows.js';
import { bindRun, type RunContext } from './model-run.js';
import { tensorOver } from './ort/tensor.js';
import { planChunk, splitAtAnswers, type ChunkPlan } from './plan-chunk.js';

/** Runs prompt chunks, each on its own row of the cache. */
export class PromptChunks {
  readonly #context: RunContext;
  readonly #cache: KvCache;
  readonly #tokenIds: BigInt64Array;
  /** 0, 1, 2, …; a chunk's positions are a range of it. */
  readonly #everyPosition: BigInt64Array;
  /** The mask of a chunk, which has no holes. */
  readonly #ones: BigInt64Array;
  readonly #logits: LogitsRows;
  readonly #views = new Map<number, CacheView>();

  constructor(context: RunContext, cache: KvCache) {
    const { contract, contextTokens } = context;
    const int64 = () => new BigInt64Array(new ArrayBuffer(contextTokens * 8));
    this.#context = context;
    this.#cache = cache;
    this.#tokenIds = int64();
    this.#everyPosition = int64().map((_, position) => BigInt(position));
    this.#ones = int64().fill(1n);
    this.#logits = new LogitsRows(contract.logitsType, contract.vocabSize, 0);
  }

  /** @returns the logits that each chunk asked for, valid until the next call */
  async run(chunks: readonly PrefillChunk[], exact: boolean): Promise<Float32Array[][]> {
    const { contract, contextTokens } = this.#context;
    const planned = chunks.map((chunk) =>
      (contract.answersLastOnly ? splitAtAnswers(chunk) : [chunk]).map((piece) => ({
        piece,
        plan: planChunk(piece, contextTokens, contract, exact),
      })),
    );
    this.#logits.reserve(planned.flat().reduce((rows, { plan }) => rows + plan.keptPositions, 0));
    const answers: Float32Array[][] = [];
    let firstRow = 0;
    for (const pieces of planned) {
      const rows: Float32Array[] = [];
      for (const { piece, plan } of pieces) {
        await this.#runOne(piece, plan, firstRow);
        rows.push(...this.#answersOf(piece, plan, firstRow));
        firstRow += plan.keptPositions;
      }
      answers.push(rows);
    }
    return answers;
  }

  close(): void {
    this.#views.forEach((view) => view.close());
    this.#views.clear();
  }

  async #runOne(
    { slot, tokenIds, startPosition }: PrefillChunk,
    { tokens, keptPositions }: ChunkPlan,
    firstRow: number,
  ): Promise<void> {
    tokenIds.forEach((tokenId, index) => (this.#tokenIds[index] = BigInt(tokenId)));
    this.#tokenIds.fill(0n, tokenIds.length, tokens);
    const tensors = {
      inputIds: tensorOver('int64', [1, tokens], this.#tokenIds),
      attentionMask: tensorOver('int64', [1, startPosition + tokens], this.#ones),
      positionIds: tensorOver('int64', [1, tokens], this.#everyPosition, startPosition),
      logits: this.#logits.tensor(firstRow, 1, keptPositions),
    };
    const run = bindRun(this.#context, this.#viewOf(slot), tensors, keptPositions);
    try {
      await this.#context.execute(run.binding, tokens);
    } finally {
      run.close();
    }
  }

  #answersOf(
    { tokenIds, logitPositions }: PrefillChunk,
    { tokens, keptPositions }: ChunkPlan,
    firstRow: number,
  ): Float32Array[] {
    const end = firstRow + keptPositions - (tokens - tokenIds.length);
    return Array.from({ length: logitPositions }, (_, index) =>
      this.#logits.row(end - logitPositions + index),
    );
  }

  #viewOf(slot: number): CacheView {
    const view = this.#views.get(slot) ?? this.#cache.view(slot, 1);
    this.#views.set(slot, view);
    return view;
  }
}
