import { setImmediate as nextTurn } from 'node:timers/promises';
import type { DecodeRow, ModelRunner, ModelRunnerInfo, ModelStep, PrefillChunk, StepLogits } from '#engine';
import { InvalidStepError, checkStep } from './check-step.js';
import { DecodeRuns } from './decode-runs.js';
import { LEAST_ROWS, planDecodeRows } from './decode-rows.js';
import { parseDevice } from './device.js';
import { KvCache, type CacheView } from './kv-cache.js';
import { readModelContract } from './model-contract.js';
import { bindPrefill, type RunContext } from './model-run.js';

import { Session, type RunBinding } from './ort/session.js';
import { tensorOver } from './ort/tensor.js';
import { chooseRunMode, modelFileBytes } from './run-mode.js';
import { createStepMemory, logitsOfRow, writeDecodeRows } from './step-memory.js';

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
    const rows = Math.max(slots, LEAST_ROWS);
    const memory = createStepMemory(rows, contextTokens, vocabSize);
    const keepOne = numLogitsToKeepShape && tensorOver('int64', numLogitsToKeepShape, memory.ones);
    this.#context = { session, contract, memory, keepOne };
    this.#cache = new KvCache(contract.caches, rows, contextTokens);
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
    this.#context.keepOne?.close();
  }

  async #runStep(step: ModelStep): Promise<void> {
    // Decodes first: their padding rows may write to the logits rows of slots that prefill in this step.
    if (step.decodes.length > 0) await this.#decode(step.decodes);
    for (const chunk of step.prefills) await this.#prefill(chunk);
  }

  async #decode(decodes: readonly DecodeRow[]): Promise<void> {
    const { firstSlot, rows } = planDecodeRows(decodes, this.#lengths, this.info.contextTokens);
    writeDecodeRows(this.#context.memory, firstSlot, rows);
    await this.#execute(this.#decodeRuns.bindingFor(firstSlot, rows.length), rows.length);
    for (const { slot, position } of decodes) this.#lengths[slot] = position + 1;
  }

  async #prefill(chunk: PrefillChunk): Promise<void> {
    const { slot, tokenIds, startPosition } = chunk;
    const { memory, contract } = this.#context;
    const { vocabSize } = this.info;
    tokenIds.forEach((tokenId, index) => (memory.chunkTokenIds[index] = BigInt(tokenId)));
    const answer = logitsOfRow(memory, slot);
    const keepsOne = contract.numLogitsToKeepShape !== undefined;
    const logits = keepsOne ? answer : new Float32Array(new ArrayBuffer(tokenIds.length * vocabSize * 4));
    const output = tensorOver('float32', [1, logits.length / vocabSize, vocabSize], logits);
    const run = bindPrefill(this.#context, this.#prefillView(slot), chunk, output);
    try {
      await this.#execute(run.binding, tokenIds.length);
    } finally {
      run.close();
    }
    if (!keepsOne) answer.set(logits.subarray(-vocabSize));
    this.#lengths[slot] = startPosition + tokenIds.length;
  }

  #prefillView(slot: number): CacheView {
    const view = this.#prefillViews.get(slot) ?? this.#cache.view(slot, 1);
    this.#prefillViews.set(slot, view);
    return view;
  }

  async #execute(binding: RunBinding, tokens: number): Promise<void> {
    const mode = chooseRunMode(this.#modelBytes, tokens);
    await this.#context.session.run(binding, mode);
    // Blocking steps one after the other would otherwise never let a timer or a socket have its turn.
    if (mode === 'blocking') await nextTurn();
  }
}
