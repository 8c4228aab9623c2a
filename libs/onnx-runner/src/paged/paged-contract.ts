import { fixedDimension, ModelContractError, requireType } from '../model-contract.js';
import type { ElementType } from '../ort/element-type.js';
import type { TensorInfo } from '../ort/session-metadata.js';

/** Keys or values of one layer over all blocks: float16 [blocks, block_size, kvHeads, headDim]. */
export interface BlockTensor {
  readonly pastName: string;
  readonly presentName: string;
  readonly kvHeads: number;
  readonly headDim: number;
}

/**
 * What a model with PagedAttention takes and gives, as `drover quantize --device gpu` writes it: packed tokens with the
 * lengths of their rows and a block table, and the best logits with their log-sum-exp, or all of them where asked.
 */
export interface PagedContract {
  readonly caches: readonly BlockTensor[];
  readonly vocabSize: number;
  /** Best logits of a row. */
  readonly topLogits: number;
}

const PAST = /^past_key_values\.\d+\.(?:key|value)$/;

const INPUTS = {
  input_ids: 'int64',
  cumulative_sequence_lengths: 'int32',
  past_sequence_lengths: 'int32',
  block_table: 'int32',
  attention_metadata: 'int32',
  logit_indices: 'int64',
  full_logit_indices: 'int64',
} as const satisfies Record<string, ElementType>;

const OUTPUTS = {
  top_token_ids: 'int64',
  top_logits: 'float32',
  log_sum_exp: 'float32',
  logits: 'float32',
} as const satisfies Record<string, ElementType>;

/**
 * @throws ModelContractError naming the tensor that is missing or of another type.
 */
export function readPagedContract(
  inputs: readonly TensorInfo[],
  outputs: readonly TensorInfo[],
): PagedContract {
  for (const [name, type] of Object.entries(INPUTS)) requireTensor('input', inputs, name, type);
  for (const [name, type] of Object.entries(OUTPUTS)) requireTensor('output', outputs, name, type);
  const caches = inputs.filter(({ name }) => PAST.test(name)).map((past) => readCache(past, outputs));
  if (caches.length === 0) throw new ModelContractError('The model has no input `past_key_values.0.key`.');
  return {
    caches,
    vocabSize: fixedDimension(requireTensor('output', outputs, 'logits', 'float32'), 1),
    topLogits: fixedDimension(requireTensor('output', outputs, 'top_logits', 'float32'), 1),
  };
}

function readCache(past: TensorInfo, outputs: readonly TensorInfo[]): BlockTensor {
  const presentName = past.name.replace('past_key_values', 'present');
  requireTensor('input', [past], past.name, 'float16');
  requireTensor('output', outputs, presentName, 'float16');
  return {
    pastName: past.name,
    presentName,
    kvHeads: fixedDimension(past, 2),
    headDim: fixedDimension(past, 3),
  };
}

function requireTensor(
  direction: 'input' | 'output',
  infos: readonly TensorInfo[],
  name: string,
  type: ElementType,
): TensorInfo {
  const info = infos.find((one) => one.name === name);
  if (info === undefined) {
    throw new ModelContractError(
      `The model has no ${direction} \`${name}\`: it keeps no cache in blocks. Build a variant that does with ` +
        '`drover quantize --device gpu`.',
    );
  }
  return requireType(name, info, type);
}
