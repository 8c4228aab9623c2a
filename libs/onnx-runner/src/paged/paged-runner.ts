import {
  ModelRunError,
  type BlockCopy,
  type PagedRunner,
  type PagedRunnerInfo,
  type PagedStep,
  type TokenLogits,
} from '#engine';
import { InvalidStepError } from '../check-step.js';
import type { DeviceMemory } from '../ort/device-memory.js';
import { isOutOfMemory } from '../ort/ort-error.js';
import type { NamedTensors, RunBinding, Session } from '../ort/session.js';
import { closeAll } from '../ort/tensor.js';
import type { BlockCopier } from './block-copier.js';
import type { BlockPool } from './block-pool.js';
import { checkCopies, checkPagedStep } from './check-paged-step.js';
import { EXACT_ROWS, packStep } from './pack-step.js';
import type { PagedContract } from './paged-contract.js';
import { PagedInputs, type StepCounts } from './paged-inputs.js';
import { PagedOutputs } from './paged-outputs.js';

/** A loaded model with its memory, the runner's to close. */
export interface OpenedModel {
  readonly session: Session;
  readonly memory: DeviceMemory;
  readonly pool: BlockPool;
  readonly copier: BlockCopier;
  readonly contract: PagedContract;
}

/** A run bound for steps of certain counts. */
interface BoundRun {
  readonly key: string;
  readonly binding: RunBinding;
  readonly own: NamedTensors;
}

/** Runs a step as one packed run; frees its model when it is closed. */
export class OnnxPagedRunner implements PagedRunner {
  readonly info: PagedRunnerInfo;
  readonly #model: OpenedModel;
  readonly #inputs: PagedInputs;
  readonly #outputs: PagedOutputs;
  readonly #signal: AbortSignal | undefined;
  readonly #stopOnAbort = () => this.#model.session.terminate();
  #bound: BoundRun | undefined;
  #inProgress: Promise<unknown> | undefined;
  #closing: Promise<void> | undefined;

  constructor(model: OpenedModel, info: PagedRunnerInfo, signal: AbortSignal | undefined) {
    const tokens = Math.max(info.stepTokens, EXACT_ROWS);
    const blocksPerSequence = Math.ceil(info.contextTokens / info.blockTokens);
    this.info = info;
    this.#model = model;
    this.#inputs = new PagedInputs({ tokens, blocksPerSequence });
    this.#outputs = new PagedOutputs(model.contract, tokens);
    this.#signal = signal;
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
      tableWidth: Math.ceil(packed.contextTokens / this.info.blockTokens),
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
