import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  ModelRunError,
  type ModelRunner,
  type ModelRunnerInfo,
  type ModelStep,
  type StepLogits,
} from '#engine';
import { BLOCK_TOKENS, BlockStore } from './block-store.js';
import { InvalidStepError, checkSpan, checkStep, requireSlot } from './check-step.js';
import { DecodeBatch } from './decode-batch.js';
import { parseDevice } from './device.js';
import { bytesPerToken, KvCache } from './kv-cache.js';
import { readModelContract } from './model-contract.js';
import { requireCacheType } from './require-cache-type.js';
import { tryModel } from './try-model.js';
import type { RunContext } from './model-run.js';
import { isOutOfMemory } from './ort/ort-error.js';
import { Session, type RunBinding } from './ort/session.js';
import { PromptChunks } from './prompt-chunks.js';
import { requireAtLeast } from './require-at-least.js';
import { wholeTiles } from './row-tiles.js';
import { chooseRunMode, modelFileBytes } from './run-mode.js';

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
  /** Most memory for keys and values of sequences; default: what all slots hold when full. */
  readonly kvCacheBytes?: number;
  /** Most memory for the block store; default 0, none. */
  readonly prefixCacheBytes?: number;
  /** Ends the loading or the run in progress; every later run is `run_terminated` by its reason. */
  readonly signal?: AbortSignal;
}

/**
 * Loads a model, reserves its cache and tries the model once.
 *
 * @throws OrtError for a missing or broken model, ModelContractError for one that is no decoder, DeviceError for a
 *   device that is unknown or not there, RangeError for a bad number.
 */
export async function createOnnxModelRunner(options: OnnxModelRunnerOptions): Promise<ModelRunner> {
  requireAtLeast(1, 'slots', options.slots);
  requireAtLeast(1, 'contextTokens', options.contextTokens);
  requireAtLeast(0, 'kvCacheBytes', options.kvCacheBytes ?? 0);
  requireAtLeast(0, 'prefixCacheBytes', options.prefixCacheBytes ?? 0);
  options.signal?.throwIfAborted();
  const { modelPath, threads } = options;
  const session = await Session.open(modelPath, { device: parseDevice(options.device), threads });
  try {
    options.signal?.throwIfAborted();
    const runner = new OnnxModelRunner(session, options);
    await tryModel(runner);
    return runner;
  } catch (error) {
    await session.close();
    throw error;
  }
}

/** Runs a step of the engine: first all decodes as one batch, then each prompt's chunk on its own row. */
class OnnxModelRunner implements ModelRunner {
  readonly info: ModelRunnerInfo;
  readonly #session: Session;
  readonly #cache: KvCache;
  readonly #store: BlockStore;
  readonly #decodes: DecodeBatch;
  readonly #chunks: PromptChunks;
  /** Tokens in the cache of each row. */
  readonly #lengths: number[];
  readonly #modelBytes: number;
  readonly #signal: AbortSignal | undefined;
  readonly #stopOnAbort = () => this.#session.terminate();
  #step: Promise<StepLogits> | undefined;
  #closed = false;

  constructor(session: Session, options: OnnxModelRunnerOptions) {
    const { slots, contextTokens, prefixCacheBytes = 0 } = options;
    const contract = readModelContract(session.inputs, session.outputs);
    requireCacheType(parseDevice(options.device), contract.caches);
    const rows = wholeTiles(slots);
    const tokenBytes = bytesPerToken(contract.caches);
    const cacheTokens = cacheTokensOf(options, tokenBytes);
    const context: RunContext = {
      session,
      contract,
      contextTokens,
      execute: (binding, tokens) => this.#execute(binding, tokens),
    };
    this.#session = session;
    this.#cache = new KvCache(contract.caches, rows, contextTokens);
    this.#store = new BlockStore(this.#cache, tokenBytes, prefixCacheBytes);
    this.#decodes = new DecodeBatch(context, this.#cache, rows);
    this.#chunks = new PromptChunks(context, this.#cache);
    this.#lengths = Array.from({ length: rows }, () => 0);
    this.#modelBytes = modelFileBytes(options.modelPath);
    this.info = {
      vocabSize: contract.vocabSize,
      contextTokens,
      slots,
      cacheTokens,
      kvCacheBytes: cacheTokens * tokenBytes,
      blockTokens: BLOCK_TOKENS,
      blocks: this.#store.blocks,
    };
    this.#signal = options.signal;
    this.#signal?.addEventListener('abort', this.#stopOnAbort, { once: true });
  }

  async run(step: ModelStep): Promise<StepLogits> {
    this.#requireIdle();
    if (this.#signal?.aborted === true) throw this.#toRunError(this.#signal.reason);
    checkStep(step, { ...this.info, lengths: this.#lengths });
    this.#step = this.#runStep(step);
    try {
      return await this.#step;
    } catch (error) {
      throw this.#toRunError(error);
    } finally {
      this.#step = undefined;
    }
  }

  saveBlock(slot: number, startPosition: number, block: number): void {
    this.#requireIdle();
    requireSlot(slot, this.info.slots);
    const length = this.#lengths[slot] ?? 0;
    if (startPosition < 0 || startPosition + BLOCK_TOKENS > length) {
      throw new InvalidStepError(
        `Slot ${slot} holds ${length} tokens; there is no whole block of ${BLOCK_TOKENS} at ${startPosition}.`,
      );
    }
    this.#store.save(slot, startPosition, block);
  }

  loadBlock(block: number, slot: number, startPosition: number): void {
    this.#requireIdle();
    requireSlot(slot, this.info.slots);
    checkSpan(slot, startPosition, BLOCK_TOKENS, { ...this.info, lengths: this.#lengths });
    this.#store.load(block, slot, startPosition);
    this.#lengths[slot] = startPosition + BLOCK_TOKENS;
  }

  moveSlot(from: number, to: number): void {
    this.#requireIdle();
    requireSlot(from, this.info.slots);
    requireSlot(to, this.info.slots);
    if (from === to) return;
    const tokens = this.#lengths[from] ?? 0;
    this.#cache.copyRow(from, to, tokens);
    this.#lengths[to] = tokens;
    this.#lengths[from] = 0;
  }

  trimSlot(slot: number): void {
    this.#requireIdle();
    requireSlot(slot, this.info.slots);
    this.#cache.release(slot);
    this.#lengths[slot] = 0;
  }

  /** Terminates a step in progress, waits for it, and frees all. May be called again. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#signal?.removeEventListener('abort', this.#stopOnAbort);
    await this.#session.close();
    await this.#step?.catch(() => undefined);
    this.#decodes.close();
    this.#chunks.close();
  }

  async #runStep({ decodes, prefills, exact }: ModelStep): Promise<StepLogits> {
    // A failed run leaves anything at the positions it was to fill: they count once it has succeeded.
    for (const { slot, position } of decodes) this.#lengths[slot] = position;
    for (const { slot, startPosition } of prefills) this.#lengths[slot] = startPosition;
    // Decodes first: their padding rows write behind the tokens of slots that prefill in this step.
    if (decodes.length > 0) await this.#decodes.run(decodes, this.#lengths, exact);
    for (const { slot, position } of decodes) this.#lengths[slot] = position + 1;
    const answers = await this.#chunks.run(prefills, exact);
    for (const { slot, startPosition, tokenIds } of prefills) {
      this.#lengths[slot] = startPosition + tokenIds.length;
    }
    return { decodes: decodes.map(({ slot }) => this.#decodes.logitsOf(slot)), prefills: answers };
  }

  async #execute(binding: RunBinding, tokens: number): Promise<void> {
    this.#signal?.throwIfAborted();
    const mode = chooseRunMode(this.#modelBytes, tokens);
    await this.#session.run(binding, mode);
    // Blocking steps one after the other would otherwise never let a timer or a socket have its turn.
    if (mode === 'blocking') await nextTurn();
  }

  /** Why a run failed, in the engine's words. */
  #toRunError(error: unknown): ModelRunError {
    if (this.#signal?.aborted === true) return new ModelRunError('run_terminated', this.#signal.reason);
    if (this.#closed) return new ModelRunError('run_terminated', error);
    return new ModelRunError(isOutOfMemory(error) ? 'out_of_memory' : 'run_failed', error);
  }

  #requireIdle(): void {
    if (this.#closed) throw new Error('The model runner is closed.');
    if (this.#step !== undefined) throw new InvalidStepError('A step is running; there is one at a time.');
  }
}

function cacheTokensOf(
  { slots, contextTokens, kvCacheBytes }: OnnxModelRunnerOptions,
  tokenBytes: number,
): number {
  const whole = slots * contextTokens;
  if (kvCacheBytes === undefined) return whole;
  const tokens = Math.min(whole, Math.floor(kvCacheBytes / tokenBytes));
  if (tokens >= BLOCK_TOKENS) return tokens;
  throw new RangeError(
    `kvCacheBytes is ${kvCacheBytes}, memory for ${tokens} tokens of ${tokenBytes} bytes; it must hold at least ` +
      `${BLOCK_TOKENS}.`,
  );
}
