import type { LogitsType } from './logits-rows.js';
import type { ElementType } from './ort/element-type.js';
import type { TensorInfo } from './ort/session-metadata.js';

/** The cache of one layer's keys, or of its values: an input, and the output that appends to it. */
export interface CacheTensor {
  readonly pastName: string;
  readonly presentName: string;
  readonly elementType: ElementType;
  readonly kvHeads: number;
  readonly headDim: number;
}

/**
 * What a decoder of the ONNX ecosystem (our own exports, onnxruntime-genai's, transformers.js's) takes and gives:
 * `input_ids` [rows, tokens] and `attention_mask` [rows, total] in int64, caches `past_key_values.N.key|value`
 * [rows, kvHeads, positions, headDim] → `logits` [rows, tokens, vocabulary] and `present.N.key|value`.
 */
export interface ModelContract {
  readonly caches: readonly CacheTensor[];
  readonly vocabSize: number;
  readonly logitsType: LogitsType;
  /** The model takes `position_ids` [rows, tokens]. */
  readonly takesPositionIds: boolean;
  /** Shape of `num_logits_to_keep`, where the model takes it and answers only that many last positions. */
  readonly numLogitsToKeepShape: readonly number[] | undefined;
}

/** The model's inputs or outputs are not those of a decoder that can run here. Names the tensor. */
export class ModelContractError extends Error {
  override readonly name = 'ModelContractError';
}

const PAST = /^past_key_values\.(\d+)\.(key|value)$/;
/** int8 caches carry their scales in the graph: here they are bytes to keep. */
const CACHE_TYPES = ['float32', 'float16', 'int8'] as const;
const OPTIONAL_INPUTS = ['position_ids', 'num_logits_to_keep'];

/**
 * @throws ModelContractError
 */
export function readModelContract(
  inputs: readonly TensorInfo[],
  outputs: readonly TensorInfo[],
): ModelContract {
  const inputsByName = new Map(inputs.map((info) => [info.name, info]));
  const outputsByName = new Map(outputs.map((info) => [info.name, info]));
  for (const name of ['input_ids', 'attention_mask', ...OPTIONAL_INPUTS]) {
    const info = inputsByName.get(name);
    if (info === undefined && OPTIONAL_INPUTS.includes(name)) continue;
    requireType(name, info, 'int64');
  }
  const caches = inputs.filter(({ name }) => PAST.test(name)).map((past) => readCache(past, outputsByName));
  if (caches.length === 0) throw new ModelContractError('The model has no input `past_key_values.0.key`.');
  refuseUnknownInputs(inputs);
  return {
    caches,
    vocabSize: fixedDimension(requireType('logits', outputsByName.get('logits'), 'float32'), 2),
    logitsType: 'float32',
    takesPositionIds: inputsByName.has('position_ids'),
    numLogitsToKeepShape: inputsByName.get('num_logits_to_keep')?.shape.map(() => 1),
  };
}

function isCacheType(type: ElementType | undefined): type is (typeof CACHE_TYPES)[number] {
  return CACHE_TYPES.some((allowed) => allowed === type);
}

function readCache(past: TensorInfo, outputsByName: ReadonlyMap<string, TensorInfo>): CacheTensor {
  const presentName = past.name.replace('past_key_values', 'present');
  if (!isCacheType(past.elementType)) {
    throw new ModelContractError(
      `\`${past.name}\` is ${past.elementType ?? 'of an unknown type'}; need ${CACHE_TYPES.join(', ')}.`,
    );
  }
  requireType(presentName, outputsByName.get(presentName), past.elementType);
  return {
    pastName: past.name,
    presentName,
    elementType: past.elementType,
    kvHeads: fixedDimension(past, 1),
    headDim: fixedDimension(past, 3),
  };
}

function refuseUnknownInputs(inputs: readonly TensorInfo[]): void {
  const known = ['input_ids', 'attention_mask', ...OPTIONAL_INPUTS];
  const unknown = inputs.find(({ name }) => !known.includes(name) && !PAST.test(name));
  if (unknown !== undefined) {
    throw new ModelContractError(`The model asks for an input \`${unknown.name}\`, which is not known here.`);
  }
}

function requireType(name: string, info: TensorInfo | undefined, type: ElementType): TensorInfo {
  if (info === undefined) throw new ModelContractError(`The model has no input or output \`${name}\`.`);
  if (info.elementType === type) return info;
  throw new ModelContractError(`\`${name}\` is ${info.elementType ?? 'of an unknown type'}; need ${type}.`);
}

function fixedDimension(info: TensorInfo, axis: number): number {
  const size = info.shape[axis];
  if (typeof size === 'number') return size;
  throw new ModelContractError(
    `\`${info.name}\` is [${info.shape.join(', ')}]; its dimension ${axis} must be a number.`,
  );
}
