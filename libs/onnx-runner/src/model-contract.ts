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
 * [rows, kvHeads, positions, headDim] → `logits` [rows, tokens, vocabulary] and `present.N.key|value`. A run binds the
 * same memory as past and present, so the caches must be updated in place, as GroupQueryAttention does.
 */
export interface ModelContract {
  readonly caches: readonly CacheTensor[];
  readonly vocabSize: number;
  readonly logitsType: LogitsType;
  /** The model takes `position_ids` [rows, tokens]. */
  readonly takesPositionIds: boolean;
  /** The model gives the logits of its last position alone, whatever it is given. */
  readonly answersLastOnly: boolean;
  /** Shape of `num_logits_to_keep`, where the model takes it and answers only that many last positions. */
  readonly numLogitsToKeepShape: readonly number[] | undefined;
}

/** The model's inputs or outputs are not those of a decoder that can run here. Names the tensor. */
export class ModelContractError extends Error {
  override readonly name = 'ModelContractError';
}

const PAST = /^past_key_values\.(\d+)\.(key|value)$/;
/** Caches of 8 bits or less carry their scales in the graph: here they are bytes to keep. */
const CACHE_TYPES = ['float32', 'float16', 'int8', 'uint8'] as const;
const OPTIONAL_INPUTS = ['position_ids', 'num_logits_to_keep'];
const KNOWN_INPUTS = ['input_ids', 'attention_mask', ...OPTIONAL_INPUTS];

/**
 * @throws ModelContractError
 */
export function readModelContract(
  inputs: readonly TensorInfo[],
  outputs: readonly TensorInfo[],
): ModelContract {
  const inputsByName = new Map(inputs.map((info) => [info.name, info]));
  const outputsByName = new Map(outputs.map((info) => [info.name, info]));
  for (const name of KNOWN_INPUTS) {
    const info = inputsByName.get(name);
    if (info === undefined && OPTIONAL_INPUTS.includes(name)) continue;
    requireType(name, info, 'int64');
  }
  const caches = inputs.filter(({ name }) => PAST.test(name)).map((past) => readCache(past, outputsByName));
  if (caches.length === 0) throw new ModelContractError('The model has no input `past_key_values.0.key`.');
  refuseUnknownInputs(inputs);
  const logits = requirePresent('logits', outputsByName.get('logits'));
  return {
    caches,
    vocabSize: fixedDimension(logits, 2),
    logitsType: logitsTypeOf(logits),
    answersLastOnly: logits.shape[1] === 1,
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
  const unknown = inputs.find(({ name }) => !KNOWN_INPUTS.includes(name) && !PAST.test(name));
  if (unknown !== undefined) {
    throw new ModelContractError(
      `The model asks for an input \`${unknown.name}\`, which is not known here. ${adviceFor(unknown.name)}`,
    );
  }
}

function adviceFor(input: string): string {
  if (input !== 'use_cache_branch')
    return `It may have: ${KNOWN_INPUTS.join(', ')}, past_key_values.N.key|value.`;
  return 'A merged decoder has two graphs in one: take the export that only goes on from a cache.';
}

function logitsTypeOf({ name, elementType }: TensorInfo): LogitsType {
  if (elementType === 'float32' || elementType === 'float16') return elementType;
  throw new ModelContractError(
    `\`${name}\` is ${elementType ?? 'of an unknown type'}; need float32 or float16.`,
  );
}

function requirePresent(name: string, info: TensorInfo | undefined): TensorInfo {
  if (info === undefined) throw new ModelContractError(`The model has no input or output \`${name}\`.`);
  return info;
}

/** @throws ModelContractError where it is missing or of another type */
export function requireType(name: string, given: TensorInfo | undefined, type: ElementType): TensorInfo {
  const info = requirePresent(name, given);
  if (info.elementType === type) return info;
  throw new ModelContractError(`\`${name}\` is ${info.elementType ?? 'of an unknown type'}; need ${type}.`);
}

/** @throws ModelContractError where the dimension is open */
export function fixedDimension(info: TensorInfo, axis: number): number {
  const size = info.shape[axis];
  if (typeof size === 'number') return size;
  throw new ModelContractError(
    `\`${info.name}\` is [${info.shape.join(', ')}]; its dimension ${axis} must be a number.`,
  );
}
