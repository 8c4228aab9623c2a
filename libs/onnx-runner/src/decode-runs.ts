import type { CacheView, KvCache } from './kv-cache.js';
import { bindDecode, type ModelRun, type RunContext } from './model-run.js';
import type { RunBinding } from './ort/session.js';

interface BoundDecode {
  readonly run: ModelRun;
  readonly cache: CacheView;
}

/**
 * The decode runs bound so far, by range of rows, so that a steady batch allocates nothing. At the bound the one
 * that was used longest ago is freed.
 */
export class DecodeRuns {
  static readonly MOST_BOUND = 64;
  readonly #context: RunContext;
  readonly #cache: KvCache;
  /** In order of use: a `Map` iterates in order of insertion. */
  readonly #bound = new Map<string, BoundDecode>();

  constructor(context: RunContext, cache: KvCache) {
    this.#context = context;
    this.#cache = cache;
  }

  /** Valid until `MOST_BOUND` other ranges have been asked for. */
  bindingFor(firstRow: number, rows: number): RunBinding {
    const key = `${firstRow}+${rows}`;
    const decode = this.#bound.get(key) ?? this.#bind(firstRow, rows);
    this.#bound.delete(key);
    this.#bound.set(key, decode);
    return decode.run.binding;
  }

  close(): void {
    this.#bound.forEach(release);
    this.#bound.clear();
  }

  #bind(firstRow: number, rows: number): BoundDecode {
    const [oldest] = this.#bound;
    if (oldest !== undefined && this.#bound.size >= DecodeRuns.MOST_BOUND) {
      release(oldest[1]);
      this.#bound.delete(oldest[0]);
    }
    const cache = this.#cache.view(firstRow, rows);
    return { cache, run: bindDecode(this.#context, cache, firstRow, rows) };
  }
}

function release({ run, cache }: BoundDecode): void {
  run.close();
  cache.close();
}
