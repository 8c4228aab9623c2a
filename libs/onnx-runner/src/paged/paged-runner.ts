import {
  ModelRunError,
  type BlockCopy,
  type PagedRunner,
  type PagedRunnerInfo,
  type PagedStep,
  type TokenLogits,
} from '#engine';
import { InvalidStepError } from '../check-step.js';
import { DeviceError, parseDevice, type GpuDevice } from '../device.js';
import type { DeviceMemory } from '../ort/device-memory.js';
import { isOutOfMemory } from '../ort/ort-error.js';
import { Session, type NamedTensors, type RunBinding } from '../ort/session.js';
import { closeAll } from '../ort/tensor.js';
import { BlockCopier } from './block-copier.js';
import { BlockPool, bytesPerBlock } from './block-pool.js';
import { checkCopies, checkPagedStep } from './check-paged-step.js';
import { EXACT_ROWS, packStep } from './pack-step.js';
import { readPagedContract, type PagedContract } from './paged-contract.js';
import { asPoolError, checkPool } from './check-pool.js';
import { PagedInputs, type StepCounts } from './paged-inputs.js';
import { PagedOutputs } from './paged-outputs.js';
import { tryPagedModel } from './try-paged-model.js';

/** Of a block: as many as the prefill kernel of WebGPU reads at once, and no more for little waste behind a text. */
const BLOCK_TOKENS = 32;

export interface PagedRunnerOptions {
  /** Path of the `model.onnx` of a variant for GPUs. */
  readonly modelPath: string;
  /** `webgpu[:n]` or `cuda[:n]`. */
  readonly device: string;
  /** Most rows of a step. */
  readonly sequences: number;
  /** Tokens of one sequence, at most what the model was made for. */
  readonly contextTokens: number;
  /** Most tokens of a step, at least two more than `sequences`. */
  readonly stepTokens: number;
  /** Most memory on the device for keys and values; default: what all sequences hold when full. */
  readonly kvCacheBytes?: number;
  /** Ends the loading or the run in progress; every later run rejects with its reason. */
  readonly signal?: AbortSignal;
}

/**
 * Loads a model, reserves its blocks on the device and tries the model once.
 *
 * @throws OrtError for a missing or broken model or a device without the room, ModelContractError for a model without
 *   blocks, DeviceError for a device that is no GPU or not there, RangeError for a bad number.
 */
export async function createPagedRunner(options: PagedRunnerOptions): Promise<PagedRunner> {
  const device = requireGpu(options.device);
  requireAtLeast(1, 'sequences', options.sequences);
  requireAtLeast(1, 'contextTokens', options.contextTokens);
  requireAtLeast(options.sequences + 2, 'stepTokens', options.stepTokens);
  options.signal?.throwIfAborted();
  const session = await Session.open(options.modelPath, { device, threads: 1 });
  const opened: { close(): void | Promise<void> }[] = [session];
  try {
    options.signal?.throwIfAborted();
    const contract = readPagedContract(session.inputs, session.outputs);
    const blocks = blocksOf(options, bytesPerBlock(contract.caches, BLOCK_TOKENS));
    const memory = session.openDeviceMemory(device);
    opened.unshift(memory);
    // One block more than sequences may have, for what padding tokens write.
    const pool = new BlockPool(memory, contract.caches, blocks + 1, BLOCK_TOKENS);
    opened.unshift(pool);
    const copier = await BlockCopier.open(options.modelPath, pool, { device, threads: 1 });
    opened.unshift(copier);
    const runner = new OnnxPagedRunner({ session, memory, pool, copier, contract, blocks }, options);
    const mebibytes = Math.ceil(runner.info.kvCacheBytes / 2 ** 20);
    const request = `${blocks} blocks (${mebibytes} MiB) on ${options.device}`;
    await tryPagedModel(runner).catch((error: unknown) => {
      throw asPoolError(error, request);
    });
    await checkPool(copier, contract.caches, 0, request);
    return runner;
  } catch (error) {
    for (const one of opened) await one.close();
    throw error;
  }
}

interface OpenedModel {
  readonly session: Session;
  readonly memory: DeviceMemory;
  readonly pool: BlockPool;
  readonly copier: BlockCopier;
  readonly contract: PagedContract;
  readonly blocks: number;
}

/** A run bound for steps of certain counts. */
interface BoundRun {
  readonly key: string;
  readonly binding: RunBinding;
  readonly own: NamedTensors;
}

class OnnxPagedRunner implements PagedRunner {
  readonly info: PagedRunnerInfo;
  readonly #model: OpenedModel;
  readonly #inputs: PagedInputs;
  readonly #outputs: PagedOutputs;
  readonly #signal: AbortSignal | undefined;
  readonly #stopOnAbort = () => this.#model.session.terminate();
  #bound: BoundRun | undefined;
  #inProgress: Promise<unknown> | undefined;
  #closing: Promise<void> | undefined;

  constructor(model: OpenedModel, options: PagedRunnerOptions) {
    const { contract, blocks } = model;
    const { sequences, contextTokens, stepTokens } = options;
    const tokens = Math.max(stepTokens, EXACT_ROWS);
    this.#model = model;
    this.#inputs = new PagedInputs({
      tokens,
      blocksPerSequence: Math.ceil(contextTokens / BLOCK_TOKENS),
    });
    this.#outputs = new PagedOutputs(contract, tokens);
    this.info = {
      vocabSize: contract.vocabSize,
      contextTokens,
      sequences,
      stepTokens,
      blockTokens: BLOCK_TOKENS,
      blocks,
      topLogits: contract.topLogits,
      kvCacheBytes: (blocks + 1) * bytesPerBlock(contract.caches, BLOCK_TOKENS),
    };
    this.#signal = options.signal;
    this.#signal?.addEventListener('abort', this.#stopOnAbort, { once: true });
  }

  async run(step: PagedStep): Promise<readonly (readonly TokenLogits[])[]> {
    checkPagedStep(step, this.info);
    return this.#alone(() => this.#runStep(step));
  }

  async copyBlocks(copies: readonly BlockCopy[]): Promise<void> {
    checkCopies(copies, this.info.blocks);
    if (copies.length > 0) await this.#alone(() => this.#model.copier.copy(copies));
  }

  /** Terminates a step in progress, waits for it, and frees all. May be called again. */
  close(): Promise<void> {
    this.#closing ??= this.#free();
    return this.#closing;
  }

  async #free(): Promise<void> {
    const { session, memory, pool, copier } = this.#model;
    this.#signal?.removeEventListener('abort', this.#stopOnAbort);
    session.terminate();
    await this.#inProgress?.catch(() => undefined);
    closeAll(this.#bound?.own ?? {});
    await copier.close();
    pool.close();
    memory.close();
    await session.close();
  }

  async #runStep(step: PagedStep): Promise<TokenLogits[][]> {
    const packed = packStep(step, this.info.blocks);
    const counts = {
      tokens: packed.tokens,
      spans: packed.spans.length,
      tableWidth: Math.ceil(packed.contextTokens / BLOCK_TOKENS),
      logits: packed.logitTokens.length,
      fullLogits: packed.fullLogits.length,
    };
    const binding = this.#bind(counts);
    this.#inputs.fill(packed, counts.tableWidth);
    await this.#model.session.run(binding, 'background');
    return this.#outputs.read(step.rows);
  }

  /** The binding of the last step where it had the same counts: texts that only go on make nothing new. */
  #bind(counts: StepCounts): RunBinding {
    const key = Object.values(counts).join();
    if (this.#bound?.key === key) return this.#bound.binding;
    closeAll(this.#bound?.own ?? {});
    this.#bound = undefined;
    const { session, pool } = this.#model;
    const inputs = this.#inputs.tensors(counts);
    const outputs = this.#outputs.tensors(counts);
    const binding = session.bind({ ...inputs, ...pool.past }, { ...outputs, ...pool.present });
    this.#bound = { key, binding, own: { ...inputs, ...outputs } };
    return binding;
  }

  async #alone<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) throw new Error('The model runner is closed.');
    if (this.#inProgress !== undefined)
      throw new InvalidStepError('A step is running; there is one at a time.');
    if (this.#signal?.aborted === true) throw this.#toRunError(this.#signal.reason);
    const running = work();
    this.#inProgress = running;
    try {
      return await running;
    } catch (error) {
      throw this.#toRunError(error);
    } finally {
      this.#inProgress = undefined;
    }
  }

  /** Why a run failed, in the engine's words. */
  #toRunError(error: unknown): ModelRunError {
    if (this.#signal?.aborted === true) return new ModelRunError('run_terminated', this.#signal.reason);
    if (this.#closing !== undefined) return new ModelRunError('run_terminated', error);
    return new ModelRunError(isOutOfMemory(error) ? 'out_of_memory' : 'run_failed', error);
  }
}

function requireGpu(text: string): GpuDevice {
  const device = parseDevice(text);
  if (device.kind !== 'cpu') return device;
  throw new DeviceError(
    text,
    'variants for GPUs (`…-gpu`) need `webgpu` or `cuda`. On the CPU take the variant without `-gpu`.',
  );
}

function requireAtLeast(least: number, name: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw new RangeError(`${name} is ${value}; it must be a whole number, ${least} or more.`);
}

function blocksOf(
  { sequences, contextTokens, kvCacheBytes }: PagedRunnerOptions,
  blockBytes: number,
): number {
  const whole = sequences * Math.ceil(contextTokens / BLOCK_TOKENS);
  if (kvCacheBytes === undefined) return whole;
  const blocks = Math.min(whole, Math.floor(kvCacheBytes / blockBytes) - 1);
  if (blocks >= 1) return blocks;
  throw new RangeError(
    `kvCacheBytes is ${kvCacheBytes}; two blocks of ${BLOCK_TOKENS} tokens take ${2 * blockBytes}, and it must hold them.`,
  );
}
