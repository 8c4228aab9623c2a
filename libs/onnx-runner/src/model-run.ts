import type { CacheView } from './kv-cache.js';
import type { ModelContract } from './model-contract.js';
import type { NamedTensors, RunBinding, Session } from './ort/session.js';
import { closeAll, tensorOver, type Tensor } from './ort/tensor.js';

/** A bound run and the tensors that are its own. */
export interface ModelRun {
  readonly binding: RunBinding;
  /** Frees the tensors that were made for this run; the cache view stays with its owner. */
  close(): void;
}

/** What all runs of one model share. */
export interface RunContext {
  readonly session: Session;
  readonly contract: ModelContract;
  readonly contextTokens: number;
  /** Runs a binding of so many tokens in all. */
  execute(binding: RunBinding, tokens: number): Promise<void>;
}

export interface RunTensors {
  /** int64 [rows, tokens] */
  readonly inputIds: Tensor;
  /** int64 [rows, total] */
  readonly attentionMask: Tensor;
  /** int64 [rows, tokens]; used where the model takes it. */
  readonly positionIds: Tensor;
  /** [rows, positions kept, vocabSize] */
  readonly logits: Tensor;
}

/**
 * @param logitsToKeep where the model can leave out logits: of how many last positions it is to give them
 */
export function bindRun(
  { session, contract }: RunContext,
  cache: CacheView,
  tensors: RunTensors,
  logitsToKeep: number,
): ModelRun {
  const { inputIds, attentionMask, positionIds, logits } = tensors;
  const keptShape = contract.numLogitsToKeepShape;
  const own: NamedTensors = {
    input_ids: inputIds,
    attention_mask: attentionMask,
    ...(contract.takesPositionIds && { position_ids: positionIds }),
    ...(keptShape && { num_logits_to_keep: tensorOver('int64', keptShape, int64Of(logitsToKeep)) }),
  };
  const binding = session.bind({ ...own, ...cache.past }, { logits, ...cache.present });
  return { binding, close: () => closeAll({ ...own, positionIds, logits }) };
}

function int64Of(value: number): BigInt64Array {
  const array = new BigInt64Array(new ArrayBuffer(8));
  array[0] = BigInt(value);
  return array;
}
