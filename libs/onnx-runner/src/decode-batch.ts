import type { DecodeRow } from '#engine';
import { DecodeMask, maskWidth } from './decode-mask.js';
import { planDecodeRows, type PlannedRow } from './decode-rows.js';
import type { CacheView, KvCache } from './kv-cache.js';
import { LogitsRows } from './logits-rows.js';
import { bindRun, type ModelRun, type RunContext } from './model-run.js';
import { tensorOver } from './ort/tensor.js';

interface BoundDecode {
  readonly run: ModelRun;
  readonly cache: CacheView;
}

/**
 * Decodes rows of the cache in one run. Runs are bound once for each range of rows and width of mask and then used
 * again and again, with new numbers in the same memory: a steady batch allocates nothing. At the bound the run that
 * was used longest ago is freed.
 */
export class DecodeBatch {
  static readonly MOST_BOUND = 64;
  readonly #context: RunContext;
  readonly #cache: KvCache;
  readonly #rows: number;
  readonly #tokenIds: BigInt64Array;
  readonly #positions: BigInt64Array;
  readonly #logits: LogitsRows;
  readonly #masks = new Map<number, DecodeMask>();
  /** In order of use: a `Map` iterates in order of insertion. */
  readonly #bound = new Map<string, BoundDecode>();

  constructor(context: RunContext, cache: KvCache, rows: number) {
    const { logitsType, vocabSize } = context.contract;
    this.#context = context;
    this.#cache = cache;
    this.#rows = rows;
    this.#tokenIds = new BigInt64Array(new ArrayBuffer(rows * 8));
    this.#positions = new BigInt64Array(new ArrayBuffer(rows * 8));
    this.#logits = new LogitsRows(logitsType, vocabSize, rows);
  }

  /** @param lengths tokens in the cache of each row */
  async run(decodes: readonly DecodeRow[], lengths: readonly number[], exact: boolean): Promise<void> {
    const { contextTokens } = this.#context;
    const { firstSlot, rows } = planDecodeRows(decodes, lengths, contextTokens, exact);
    const longest = Math.max(...rows.map(({ position }) => position)) + 1;
    const mask = this.#maskOf(maskWidth(longest, contextTokens));
    rows.forEach((row, offset) => this.#write(row, firstSlot + offset, mask));
    await this.#context.execute(this.#runFor(firstSlot, rows.length, mask).binding, rows.length);
  }

  /** Valid until the next run. */
  logitsOf(slot: number): Float32Array {
    return this.#logits.row(slot);
  }

  close(): void {
    this.#bound.forEach(release);
    this.#bound.clear();
  }

  #write({ tokenId, position }: PlannedRow, row: number, mask: DecodeMask): void {
    this.#tokenIds[row] = BigInt(tokenId);
    this.#positions[row] = BigInt(position);
    mask.setTokens(row, position + 1);
  }

  #maskOf(width: number): DecodeMask {
    const mask = this.#masks.get(width) ?? new DecodeMask(this.#rows, width);
    this.#masks.set(width, mask);
    return mask;
  }

  #runFor(firstRow: number, rows: number, mask: DecodeMask): ModelRun {
    const key = `${firstRow}+${rows}x${mask.width}`;
    const decode = this.#bound.get(key) ?? this.#bind(firstRow, rows, mask);
    this.#bound.delete(key);
    this.#bound.set(key, decode);
    return decode.run;
  }

  #bind(firstRow: number, rows: number, { width, values }: DecodeMask): BoundDecode {
    const [oldest] = this.#bound;
    if (oldest !== undefined && this.#bound.size >= DecodeBatch.MOST_BOUND) {
      release(oldest[1]);
      this.#bound.delete(oldest[0]);
    }
    const cache = this.#cache.view(firstRow, rows);
    const tensors = {
      inputIds: tensorOver('int64', [rows, 1], this.#tokenIds, firstRow),
      attentionMask: tensorOver('int64', [rows, width], values, firstRow * width),
      positionIds: tensorOver('int64', [rows, 1], this.#positions, firstRow),
      logits: this.#logits.tensor(firstRow, rows, 1),
    };
    return { cache, run: bindRun(this.#context, cache, tensors, 1) };
  }
}

function release({ run, cache }: BoundDecode): void {
  run.close();
  cache.close();
}
