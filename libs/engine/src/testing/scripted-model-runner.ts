import type {
  DecodeRow,
  ModelRunner,
  ModelRunnerInfo,
  ModelStep,
  PrefillChunk,
  StepLogits,
} from '../ports/model-runner.port.js';
import { entryOf, Kernel, logitsOf, type Entry } from './scripted-tokens.js';

export interface ScriptedModelRunnerOptions {
  readonly slots: number;
  readonly contextTokens: number;
  readonly vocabSize: number;
  /** Default: what all slots hold. */
  readonly cacheTokens?: number;
  /** Default 0: no block store. */
  readonly blocks?: number;
  readonly blockTokens?: number;
  /** False: logits follow from the tokens alone. Default: true, they depend on the kernel too, as real ones do. */
  readonly rounds?: boolean;
  /** Called before step `index` runs, counted from 0; may wait, or throw to fail it with its work half done. */
  readonly beforeStep?: (index: number, step: ModelStep) => void | Promise<void>;
}

interface ScriptedSlot {
  readonly entries: Entry[];
  /** Of the last entries, how many were drafts that may be taken back. */
  drafted: number;
}

/**
 * A model in memory for specs. A token's entry is a hash of the token, of all entries before it and of the kernel that
 * ran it: real kernels round differently for prompts and decodes, for lone rows, and for chunks at odd positions. Checks
 * what the engine asks of it and records it.
 */
export class ScriptedModelRunner implements ModelRunner {
  readonly info: ModelRunnerInfo;
  /** Every step that was asked for, in order. */
  readonly trace: ModelStep[] = [];
  /** Every copy that was asked for, in order, as `name:argument,argument`. */
  readonly copies: string[] = [];
  readonly #options: ScriptedModelRunnerOptions;
  readonly #slots: readonly ScriptedSlot[];
  readonly #blocks: (readonly Entry[] | undefined)[];
  #runs = 0;
  #isRunning = false;

  constructor(options: ScriptedModelRunnerOptions) {
    const { slots, contextTokens, vocabSize, blocks = 0, blockTokens = 4 } = options;
    const cacheTokens = options.cacheTokens ?? slots * contextTokens;
    this.info = { slots, contextTokens, vocabSize, cacheTokens, kvCacheBytes: 0, blocks, blockTokens };
    this.#options = options;
    this.#slots = Array.from({ length: slots }, () => ({ entries: [], drafted: 0 }));
    this.#blocks = Array.from({ length: blocks });
  }

  async run(step: ModelStep): Promise<StepLogits> {
    if (this.#isRunning) throw new Error('two runs at once');
    this.#isRunning = true;
    try {
      this.trace.push(step);
      await this.#options.beforeStep?.(this.#runs++, step);
      this.#check(step);
      return {
        decodes: step.decodes.map((row) => this.#decode(row, step)),
        prefills: step.prefills.map((chunk) => this.#prefill(chunk, step)),
      };
    } catch (error) {
      this.#spoil(step);
      throw error;
    } finally {
      this.#isRunning = false;
    }
  }

  saveBlock(slot: number, startPosition: number, block: number): void {
    this.#startCopy('saveBlock', slot, startPosition, block);
    const entries = this.#slot(slot).entries.slice(startPosition, startPosition + this.info.blockTokens);
    if (entries.length < this.info.blockTokens) throw new Error(`slot ${slot} has no whole block there`);
    if (!(block >= 0 && block < this.#blocks.length)) throw new Error(`no block ${block}`);
    this.#blocks[block] = entries;
  }

  loadBlock(block: number, slot: number, startPosition: number): void {
    this.#startCopy('loadBlock', block, slot, startPosition);
    const entries = this.#blocks[block];
    if (entries === undefined) throw new Error(`block ${block} was never saved`);
    this.#cutTo(slot, startPosition).push(...entries);
  }

  moveSlot(from: number, to: number): void {
    this.#startCopy('moveSlot', from, to);
    const source = this.#slot(from);
    const target = this.#slot(to);
    target.entries.splice(0, Infinity, ...source.entries.splice(0));
    target.drafted = source.drafted;
  }

  trimSlot(slot: number): void {
    this.#startCopy('trimSlot', slot);
    this.#cutTo(slot, 0);
  }

  async close(): Promise<void> {}

  #startCopy(name: string, ...values: number[]): void {
    if (this.#isRunning) throw new Error(`${name} during a run`);
    this.copies.push(`${name}:${values.join()}`);
  }

  #check({ decodes, prefills }: ModelStep): void {
    const slots = [...decodes, ...prefills].map(({ slot }) => slot);
    if (slots.length === 0) throw new Error('an empty step');
    if (new Set(slots).size !== slots.length) throw new Error(`a slot appears twice: ${slots.join()}`);
  }

  #decode({ slot, tokenId, position }: DecodeRow, { exact, decodes }: ModelStep): Float32Array {
    const kernel = exact ? Kernel.exactDecode : Kernel.exactDecode + decodes.length;
    return this.#logitsOf(this.#append(this.#cutTo(slot, position), tokenId, kernel));
  }

  #prefill({ slot, tokenIds, startPosition, logitPositions }: PrefillChunk, { exact }: ModelStep) {
    const entries = this.#cutTo(slot, startPosition);
    const kernelOf = (offset: number) => {
      if (startPosition % 2 === 1) return Kernel.shiftedChunk;
      const isLone = !exact && offset === tokenIds.length - 1 && tokenIds.length % 2 === 1;
      return isLone ? Kernel.loneRow : Kernel.prefill;
    };
    tokenIds.forEach((tokenId, offset) => this.#append(entries, tokenId, kernelOf(offset)));
    this.#slot(slot).drafted = Math.max(0, logitPositions - 1);
    return entries.slice(entries.length - logitPositions).map((entry) => this.#logitsOf(entry));
  }

  /** What a failed run may have left behind at the positions it was to fill. */
  #spoil({ decodes, prefills }: ModelStep): void {
    for (const { slot, position } of decodes) this.#cutTo(slot, position).push(NaN);
    for (const { slot, startPosition, tokenIds } of prefills) {
      this.#cutTo(slot, startPosition).push(...Array.from(tokenIds, () => NaN));
    }
  }

  #append(entries: Entry[], tokenId: number, kernel: number): Entry {
    const entry = entryOf(entries, tokenId, this.#options.rounds === false ? 0 : kernel);
    entries.push(entry);
    if (entries.length > this.info.contextTokens) throw new Error('a slot exceeds the context');
    return entry;
  }

  /** Entries of a slot up to `position`: all of it, less drafts that were not kept; none at the start of another text. */
  #cutTo(slot: number, position: number): Entry[] {
    const row = this.#slot(slot);
    const { length } = row.entries;
    if (position !== 0 && !(position <= length && position >= length - row.drafted)) {
      throw new Error(`slot ${slot} holds ${length}, not ${position} tokens`);
    }
    row.entries.length = position;
    row.drafted = 0;
    return row.entries;
  }

  #slot(slot: number): ScriptedSlot {
    const row = this.#slots[slot];
    if (row === undefined) throw new Error(`no slot ${slot}`);
    return row;
  }

  #logitsOf(entry: Entry): Float32Array {
    return logitsOf(entry, this.info.vocabSize);
  }
}
