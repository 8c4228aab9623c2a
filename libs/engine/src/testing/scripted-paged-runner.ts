import type {
  BlockCopy,
  PagedRow,
  PagedRunner,
  PagedRunnerInfo,
  PagedStep,
} from '../ports/paged-runner.port.js';
import type { TokenLogits } from '../ports/token-logits.js';
import { entryOf, Kernel, logitsOf, topLogitsOf, type Entry } from './scripted-tokens.js';

export interface ScriptedPagedRunnerOptions {
  readonly sequences: number;
  readonly contextTokens: number;
  readonly vocabSize: number;
  readonly blocks: number;
  readonly blockTokens: number;
  /** Default: what any plan may ask for. */
  readonly stepTokens?: number;
  readonly topLogits: number;
  /** False: logits follow from the tokens alone. Default: true, they depend on the kernel too, as real ones do. */
  readonly rounds?: boolean;
  /** Called before step `index` runs, counted from 0; may wait, or throw to fail it with its work half done. */
  readonly beforeStep?: (index: number, step: PagedStep) => void | Promise<void>;
}

/** What a position holds before anything was written to it, or where a run has failed. */
const SPOILED = NaN;

/**
 * A model over a pool of blocks in memory, for specs. A block holds the entries that were written to it, and a row
 * answers from what its table leads to: a wrong block, or one that another has written over, gives other tokens. Checks what the engine asks of it and records it.
 */
export class ScriptedPagedRunner implements PagedRunner {
  readonly info: PagedRunnerInfo;
  /** Every step that was asked for, in order. */
  readonly trace: PagedStep[] = [];
  readonly copies: BlockCopy[] = [];
  readonly #options: ScriptedPagedRunnerOptions;
  readonly #blocks: readonly Entry[][];
  #runs = 0;
  #isBusy = false;

  constructor(options: ScriptedPagedRunnerOptions) {
    const { blocks, blockTokens, stepTokens = 1_000 } = options;
    this.info = { ...options, stepTokens, kvCacheBytes: 0 };
    this.#options = options;
    this.#blocks = Array.from({ length: blocks }, () => Array.from({ length: blockTokens }, () => SPOILED));
  }

  run(step: PagedStep): Promise<readonly (readonly TokenLogits[])[]> {
    return this.#exclusively(async () => {
      this.trace.push(step);
      try {
        await this.#options.beforeStep?.(this.#runs++, step);
        this.#check(step);
        return step.rows.map((row) => this.#run(row, step));
      } catch (error) {
        for (const row of step.rows) {
          row.tokenIds.forEach((_, offset) => this.#write(row, row.startPosition + offset, SPOILED));
        }
        throw error;
      }
    });
  }

  copyBlocks(copies: readonly BlockCopy[]): Promise<void> {
    return this.#exclusively(async () => {
      const targets = new Set(copies.map(({ to }) => to));
      const isTangled = targets.size < copies.length || copies.some(({ from }) => targets.has(from));
      if (copies.length === 0 || isTangled) throw new Error(`bad copies: ${JSON.stringify(copies)}`);
      for (const { from, to } of copies) this.#block(to).splice(0, Infinity, ...this.#block(from));
      this.copies.push(...copies);
    });
  }

  async close(): Promise<void> {}

  async #exclusively<T>(task: () => Promise<T>): Promise<T> {
    if (this.#isBusy) throw new Error('two calls at once');
    this.#isBusy = true;
    try {
      return await task();
    } finally {
      this.#isBusy = false;
    }
  }

  #check({ rows }: PagedStep): void {
    const { sequences, stepTokens, contextTokens, blockTokens } = this.info;
    const tokens = rows.reduce((sum, { tokenIds }) => sum + tokenIds.length, 0);
    if (rows.length === 0 || rows.length > sequences) throw new Error(`${rows.length} rows in a step`);
    if (tokens > stepTokens) throw new Error(`${tokens} tokens in a step for ${stepTokens}`);
    for (const row of rows) {
      const end = endOf(row);
      if (end > contextTokens) throw new Error('a row exceeds the context');
      if (row.blocks.length !== Math.ceil(end / blockTokens)) throw new Error('a table of another length');
      for (let position = row.startPosition; position < end; position++) {
        if (rows.some((other) => other !== row && this.#reads(other, row, position))) {
          throw new Error('a row writes what another one reads');
        }
      }
    }
  }

  /** Whether a row has among its tokens what another one writes. */
  #reads(row: PagedRow, writer: PagedRow, position: number): boolean {
    const { blockTokens } = this.info;
    const index = row.blocks.indexOf(writer.blocks[Math.floor(position / blockTokens)]!);
    return index >= 0 && index * blockTokens + (position % blockTokens) < endOf(row);
  }

  #run(row: PagedRow, { exact, rows }: PagedStep): TokenLogits[] {
    const { startPosition, tokenIds, logitPositions } = row;
    const entries = Array.from({ length: startPosition }, (_, position) => this.#read(row, position));
    const kernel = this.#options.rounds === false ? 0 : kernelOf(row, { exact, rows });
    tokenIds.forEach((tokenId, offset) => {
      const entry = entryOf(entries, tokenId, kernel);
      entries.push(entry);
      this.#write(row, startPosition + offset, entry);
    });
    return entries
      .slice(entries.length - logitPositions)
      .map((entry) => logitsOf(entry, this.info.vocabSize))
      .map((logits) => (row.logits === 'full' ? logits : topLogitsOf(logits, this.info.topLogits)));
  }

  #read({ blocks }: PagedRow, position: number): Entry {
    const { blockTokens } = this.info;
    return this.#block(blocks[Math.floor(position / blockTokens)])[position % blockTokens]!;
  }

  #write({ blocks }: PagedRow, position: number, entry: Entry): void {
    const { blockTokens } = this.info;
    this.#block(blocks[Math.floor(position / blockTokens)])[position % blockTokens] = entry;
  }

  #block(id: number | undefined): Entry[] {
    const block = this.#blocks[id ?? -1];
    if (block === undefined) throw new Error(`no block ${id}`);
    return block;
  }
}

/** Exact steps tell decodes from prompts and odd starts from even ones; others go by how many tokens there are. */
function kernelOf({ startPosition, tokenIds }: PagedRow, { exact, rows }: PagedStep): number {
  if (!exact) return Kernel.exactDecode + rows.reduce((sum, row) => sum + row.tokenIds.length, 0);
  if (tokenIds.length === 1) return Kernel.exactDecode;
  return startPosition % 2 === 1 ? Kernel.shiftedChunk : Kernel.prefill;
}

function endOf({ startPosition, tokenIds }: PagedRow): number {
  return startPosition + tokenIds.length;
}
