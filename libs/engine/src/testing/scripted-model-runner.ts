import type {
  DecodeRow,
  ModelRunner,
  ModelRunnerInfo,
  ModelStep,
  PrefillChunk,
  StepLogits,
} from '../ports/model-runner.port.js';

export interface ScriptedModelRunnerOptions {
  readonly slots: number;
  readonly contextTokens: number;
  readonly vocabSize: number;
  /** False: logits follow from the tokens alone, as they would without rounding. Default: true, as real kernels are. */
  readonly isSensitiveToChunks?: boolean;
  /** Called before step `index` runs, counted from 0; may throw to fail it, or wait. */
  readonly beforeStep?: (index: number, step: ModelStep) => void | Promise<void>;
}

/**
 * A model in memory for specs: logits are a hash of a row's own tokens and of the chunks they came in, which real
 * kernels are sensitive to as well. Keeps a cache by slot, checks what the engine asks of it and records it.
 */
export class ScriptedModelRunner implements ModelRunner {
  readonly info: ModelRunnerInfo;
  /** Every step that was asked for, in order. */
  readonly trace: ModelStep[] = [];
  readonly #options: ScriptedModelRunnerOptions;
  readonly #cache: { length: number; hash: number }[];
  #runs = 0;
  #isRunning = false;

  constructor(options: ScriptedModelRunnerOptions) {
    const { slots, contextTokens, vocabSize } = options;
    this.info = { slots, contextTokens, vocabSize, kvCacheBytes: 0 };
    this.#options = options;
    this.#cache = Array.from({ length: slots }, () => ({ length: 0, hash: 0 }));
  }

  async run(step: ModelStep): Promise<StepLogits> {
    if (this.#isRunning) throw new Error('two runs at once');
    this.#isRunning = true;
    try {
      this.trace.push(step);
      await this.#options.beforeStep?.(this.#runs++, step);
      this.#check(step);
      return {
        decodes: step.decodes.map((row) => this.#decode(row)),
        prefills: step.prefills.map((chunk) => this.#prefill(chunk)),
      };
    } finally {
      this.#isRunning = false;
    }
  }

  async close(): Promise<void> {}

  #check({ decodes, prefills }: ModelStep): void {
    const slots = [...decodes, ...prefills].map(({ slot }) => slot);
    if (slots.length === 0) throw new Error('an empty step');
    if (new Set(slots).size !== slots.length) throw new Error(`a slot appears twice: ${slots.join()}`);
    if (decodes.some((row, index) => index > 0 && row.slot <= decodes[index - 1]!.slot)) {
      throw new Error('decode rows are not in the order of their slots');
    }
  }

  #decode({ slot, tokenId, position }: DecodeRow): Float32Array {
    const hash = this.#write(slot, position, [tokenId], 0);
    return this.#logitsOf(hash);
  }

  #prefill({ slot, tokenIds, startPosition, logitPositions }: PrefillChunk): Float32Array[] {
    const hash = this.#write(slot, startPosition, tokenIds, tokenIds.length);
    return logitPositions > 0 ? [this.#logitsOf(hash)] : [];
  }

  #write(slot: number, position: number, tokenIds: Iterable<number>, chunk: number): number {
    const row = this.#cache[slot];
    if (row === undefined) throw new Error(`no slot ${slot}`);
    // A prompt's first chunk takes over the slot from whoever held it before.
    if (position === 0) Object.assign(row, { length: 0, hash: 0 });
    if (row.length !== position) throw new Error(`slot ${slot} holds ${row.length}, not ${position} tokens`);
    if (this.#options.isSensitiveToChunks !== false) row.hash = mix(row.hash, chunk);
    for (const tokenId of tokenIds) {
      row.hash = mix(row.hash, tokenId + 1);
      row.length += 1;
    }
    if (row.length > this.info.contextTokens) throw new Error(`slot ${slot} exceeds the context`);
    return row.hash;
  }

  #logitsOf(hash: number): Float32Array {
    return Float32Array.from(
      { length: this.info.vocabSize },
      (_, id) => ((mix(hash, id) >>> 0) / 2 ** 32) * 8 - 4,
    );
  }
}

function mix(hash: number, value: number): number {
  let mixed = Math.imul(hash ^ value, 0x01000193) + 0x9e3779b9;
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
  return mixed ^ (mixed >>> 13);
}
