import { setImmediate as nextTurn } from 'node:timers/promises';
import type { DecodeRow, ModelRunner, ModelRunnerInfo, ModelStep, PrefillChunk, StepLogits } from '#engine';
import { InvalidStepError, checkStep } from './check-step.js';
import { DecodeRuns } from './decode-runs.js';
import { planDecodeRows } from './decode-rows.js';
import { parseDevice } from './device.js';
import { KvCache, type CacheView } from './kv-cache.js';
import { readModelContract } from './model-contract.js';
import { bindPrefill, type RunContext } from './model-run.js';
import { Session, type RunBinding } from './ort/session.js';
import { tensorOver } from './ort/tensor.js';
import { ROWS_PER_TILE, wholeTiles } from './row-tiles.js';
import { chooseRunMode, modelFileBytes } from './run-mode.js';
import { createStepMemory, logitsOfRow, writeChunk, writeDecodeRows } from './step-memory.js';

export interface OnnxModelRunnerOptions {
  /** Path of the variant's `model.onnx`. */
  readonly modelPath: string;
  /** `cpu`, `webgpu[:n]` or `cuda[:n]`. */
  readonly device: string;
  /** Sequences in the cache at once. */
  readonly slots: number;
  /** Tokens of one sequence, at most what the model was made for. */
  readonly contextTokens: number;
  /** Threads of one step; 0 takes half of the cores. */
  readonly threads: number;
  /** Ends the loading or the run in progress; every later run rejects with its reason. */
  readonly signal?: AbortSignal;
}

/**
 * Loads a model and allocates its cache.
 *
 * @throws OrtError for a missing or broken model, ModelContractError for one that is no decoder, DeviceError for a
 *   device that is unknown or not there, RangeError for a bad number.
 */
export async function createOnnxModelRunner(options: OnnxModelRunnerOptions): Promise<ModelRunner> {
  requirePositive('slots', options.slots);
  requirePositive('contextTokens', options.contextTokens);
  options.signal?.throwIfAborted();
  const { modelPath, threads } = options;
  const session = await Session.open(modelPath, { device: parseDevice(options.device), threads });
  try {
    options.signal?.throwIfAborted();
    return new OnnxModelRunner(session, options);
  } catch (error) {
    await session.close();
    throw error;
  }
}

function requirePositive(name: string, value: number): void {
  if (Number.isInteger(value) && value >= 1) return;
  throw new RangeError(`${name} is ${value}; it must be a whole number, 1 or more.`);
}

/** Runs a step of the engine: first all decodes as one batch, then each prompt's chunk on its own row. */
class OnnxModelRunner implements ModelRunner {
  readonly info: ModelRunnerInfo;
  readonly #context: RunContext;
  readonly #cache: KvCache;
  readonly #decodeRuns: DecodeRuns;
  readonly #prefillViews = new Map<number, CacheView>();
  /** Tokens in the cache of each row. */
  readonly #lengths: number[];
  readonly #modelBytes: number;
  readonly #signal: AbortSignal | undefined;
  readonly #stopOnAbort = () => this.#context.session.terminate();
  #step: Promise<void> | undefined;
  #closed = false;

  constructor(session: Session, options: OnnxModelRunnerOptions) {
    const { slots, contextTokens } = options;
    const contract = readModelContract(session.inputs, session.outputs);
    const { vocabSize, numLogitsToKeepShape } = contract;
    const rows = wholeTiles(slots);
    this.#cache = new KvCache(contract.caches, rows, contextTokens);
    const memory = createStepMemory(rows, contextTokens, vocabSize);
    const logitsToKeep =
      numLogitsToKeepShape && tensorOver('int64', numLogitsToKeepShape, memory.logitsToKeep);
    this.#context = { session, contract, memory, logitsToKeep };
    this.#decodeRuns = new DecodeRuns(this.#context, this.#cache);
    this.#lengths = Array.from({ length: rows }, () => 0);
    this.#modelBytes = modelFileBytes(options.modelPath);
    this.info = { vocabSize, contextTokens, slots, kvCacheBytes: this.#cache.bytes };
    this.#signal = options.signal;
    this.#signal?.addEventListener('abort', this.#stopOnAbort, { once: true });
  }

  async run(step: ModelStep): Promise<StepLogits> {
    if (this.#closed) throw new Error('The model runner is closed.');
    if (this.#step !== undefined) throw new InvalidStepError('A step is running; there is one at a time.');
    this.#signal?.throwIfAborted();
    checkStep(step, { ...this.info, lengths: this.#lengths });
    this.#step = this.#runStep(step);
    try {
      await this.#step;
    } catch (error) {
      this.#signal?.throwIfAborted();
      throw error;
    } finally {
      this.#step = undefined;
    }
    const { memory } = this.#context;
    return {
      decodes: step.decodes.map(({ slot }) => logitsOfRow(memory, slot)),
      prefills: step.prefills.map(({ slot, needsLogits }) =>
        needsLogits ? logitsOfRow(memory, slot) : null,
      ),
    };
  }

  /** Terminates a step in progress, waits for it, and frees all. May be called again. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#signal?.removeEventListener('abort', this.#stopOnAbort);
    await this.#context.session.close();
    await this.#step?.catch(() => undefined);
    this.#decodeRuns.close();
    this.#prefillViews.forEach((view) => view.close());
    this.#context.logitsToKeep?.close();
  }

  async #runStep(step: ModelStep): Promise<void> {
    // Decodes first: their padding rows may write to the logits rows of slots that prefill in this step.
    if (step.decodes.length > 0) await this.#decode(step.decodes);
    for (const chunk of step.prefills) await this.#prefill(chunk);
  }

  async #decode(decodes: readonly DecodeRow[]): Promise<void> {
    const { firstSlot, rows } = planDecodeRows(decodes, this.#lengths, this.info.contextTokens);
    writeDecodeRows(this.#context.memory, firstSlot, rows);
    this.#context.memory.logitsToKeep[0] = 1n;
    await this.#execute(this.#decodeRuns.bindingFor(firstSlot, rows.length), rows.length);
    for (const { slot, position } of decodes) this.#lengths[slot] = position + 1;
  }

  /**
   * A chunk of an odd number of tokens is padded with one behind it, like a decode's padding row: causal attention
   * keeps it from the tokens before it, and what it leaves in the cache is overwritten next. At the very end of the
   * context there is no room for it.
   */
  async #prefill({ slot, tokenIds, startPosition, needsLogits }: PrefillChunk): Promise<void> {
    const { memory, contract } = this.#context;
    const { vocabSize, contextTokens } = this.info;
    const tokens = Math.min(wholeTiles(tokenIds.length), contextTokens - startPosition);
    const padding = tokens - tokenIds.length;
    const kept = contract.numLogitsToKeepShape === undefined ? tokens : Math.min(tokens, ROWS_PER_TILE);
    writeChunk(memory, tokenIds, tokens);
    memory.logitsToKeep[0] = BigInt(kept);
    const logits = new Float32Array(new ArrayBuffer(kept * vocabSize * 4));
    const output = tensorOver('float32', [1, kept, vocabSize], logits);
    const run = bindPrefill(this.#context, this.#prefillView(slot), startPosition, tokens, output);
    try {
      await this.#execute(run.binding, tokens);
    } finally {
      run.close();
    }
    const last = (kept - padding) * vocabSize;
    if (needsLogits) logitsOfRow(memory, slot).set(logits.subarray(last - vocabSize, last));
    this.#lengths[slot] = startPosition + tokenIds.length;
  }

  #prefillView(slot: number): CacheView {
    const view = this.#prefillViews.get(slot) ?? this.#cache.view(slot, 1);
    this.#prefillViews.set(slot, view);
    return view;
  }

  async #execute(binding: RunBinding, tokens: number): Promise<void> {
    this.#signal?.throwIfAborted();
    const mode = chooseRunMode(this.#modelBytes, tokens);
    await this.#context.session.run(binding, mode);
    // Blocking steps one after the other would otherwise never let a timer or a socket have its turn.
    if (mode === 'blocking') await nextTurn();
  }
}
