import type { CacheView } from './kv-cache.js';
import type { ModelContract } from './model-contract.js';
import type { NamedTensors, RunBinding, Session } from './ort/session.js';
import { closeAll, tensorOver, type Tensor } from './ort/tensor.js';
import type { StepMemory } from './step-memory.js';

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
  readonly memory: StepMemory;
  /** `num_logits_to_keep` over `memory.logitsToKeep`, where the model takes it. */
  readonly logitsToKeep: Tensor | undefined;
}

/**
 * A decode over rows `firstRow`, `firstRow + 1`, … It is bound once and run again and again: between steps only the
 * numbers in the step memory change. For that the mask always spans the whole context; attention takes each row's
 * length from its number of ones.
 */
export function bindDecode(context: RunContext, cache: CacheView, firstRow: number, rows: number): ModelRun {
  const { memory } = context;
  const { contextTokens, vocabSize } = memory;
  return bind(
    context,
    cache,
    {
      input_ids: tensorOver('int64', [rows, 1], memory.tokenIds, firstRow),
      attention_mask: tensorOver('int64', [rows, contextTokens], memory.mask, firstRow * contextTokens),
      position_ids: tensorOver('int64', [rows, 1], memory.positions, firstRow),
    },
    tensorOver('float32', [rows, 1, vocabSize], memory.logits, firstRow * vocabSize),
  );
}

/**
 * A prompt's chunk on its own row: the first `tokens` of `memory.chunkTokenIds`.
 *
 * @param logits float32 [1, positions kept, vocabSize]
 */
export function bindPrefill(
  context: RunContext,
  cache: CacheView,
  startPosition: number,
  tokens: number,
  logits: Tensor,
): ModelRun {
  const { memory } = context;
  return bind(
    context,
    cache,
    {
      input_ids: tensorOver('int64', [1, tokens], memory.chunkTokenIds),
      attention_mask: tensorOver('int64', [1, startPosition + tokens], memory.ones),
      position_ids: tensorOver('int64', [1, tokens], memory.everyPosition, startPosition),
    },
    logits,
  );
}

function bind(
  { session, contract, logitsToKeep }: RunContext,
  cache: CacheView,
  own: { input_ids: Tensor; attention_mask: Tensor; position_ids: Tensor },
  logits: Tensor,
): ModelRun {
  const { position_ids, ...always } = own;
  const inputs: NamedTensors = {
    ...always,
    ...(contract.takesPositionIds && { position_ids }),
    ...(logitsToKeep && { num_logits_to_keep: logitsToKeep }),
    ...cache.past,
  };
  const binding = session.bind(inputs, { logits, ...cache.present });
  return { binding, close: () => closeAll({ ...own, logits }) };
}
