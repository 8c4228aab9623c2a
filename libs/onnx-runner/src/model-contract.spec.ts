import { describe, expect, it } from 'vitest';
import { ModelContractError, readModelContract } from './model-contract.js';
import type { TensorInfo } from './ort/session-metadata.js';

const int64 = (name: string, shape: (number | string)[]): TensorInfo => ({
  name,
  elementType: 'int64',
  shape,
});
const float32 = (name: string, shape: (number | string)[]): TensorInfo => ({
  name,
  elementType: 'float32',
  shape,
});
const cacheShape = ['batch', 2, 'past', 32];

const inputs = [
  int64('input_ids', ['batch', 'tokens']),
  int64('attention_mask', ['batch', 'total']),
  float32('past_key_values.0.key', cacheShape),
  float32('past_key_values.0.value', cacheShape),
];
const outputs = [
  float32('logits', ['batch', 'tokens', 1024]),
  float32('present.0.key', cacheShape),
  float32('present.0.value', cacheShape),
];

const without = (infos: TensorInfo[], name: string) => infos.filter((info) => info.name !== name);
const withOne = (infos: TensorInfo[], info: TensorInfo) => [...without(infos, info.name), info];

describe('readModelContract', () => {
  it('reads the shapes of a decoder from its inputs and outputs', () => {
    expect(readModelContract(inputs, outputs)).toEqual({
      caches: [
        {
          pastName: 'past_key_values.0.key',
          presentName: 'present.0.key',
          elementType: 'float32',
          kvHeads: 2,
          headDim: 32,
        },
        {
          pastName: 'past_key_values.0.value',
          presentName: 'present.0.value',
          elementType: 'float32',
          kvHeads: 2,
          headDim: 32,
        },
      ],
      vocabSize: 1024,
      logitsType: 'float32',
      answersLastOnly: false,
      takesPositionIds: false,
      numLogitsToKeepShape: undefined,
    });
  });

  it('takes half-precision logits, and notices that only the last position answers', () => {
    const pruned = withOne(outputs, { name: 'logits', elementType: 'float16', shape: ['batch', 1, 9] });
    expect(readModelContract(inputs, pruned)).toMatchObject({
      logitsType: 'float16',
      answersLastOnly: true,
      vocabSize: 9,
    });
  });

  it('notices the optional inputs', () => {
    const optional = [...inputs, int64('position_ids', ['batch', 'tokens']), int64('num_logits_to_keep', [])];
    expect(readModelContract(optional, outputs)).toMatchObject({
      takesPositionIds: true,
      numLogitsToKeepShape: [],
    });
  });

  it.each<[string, TensorInfo[], TensorInfo[], string]>([
    ['no input_ids', without(inputs, 'input_ids'), outputs, '`input_ids`'],
    ['no cache', inputs.slice(0, 2), outputs, '`past_key_values.0.key`'],
    ['no present', inputs, without(outputs, 'present.0.value'), '`present.0.value`'],
    ['no logits', inputs, without(outputs, 'logits'), '`logits`'],
    ['an unknown input', [...inputs, int64('pixel_values', [])], outputs, '`pixel_values`'],
    [
      'token ids of another type',
      withOne(inputs, { name: 'input_ids', elementType: 'int32', shape: [] }),
      outputs,
      '`input_ids` is int32; need int64',
    ],
    [
      'a merged decoder',
      [...inputs, { name: 'use_cache_branch', elementType: undefined, shape: [1] }],
      outputs,
      '`use_cache_branch`',
    ],
    [
      'logits of another type',
      inputs,
      withOne(outputs, { name: 'logits', elementType: 'int32', shape: ['b', 't', 9] }),
      '`logits` is int32; need float32 or float16',
    ],
    [
      'a head size that is not fixed',
      withOne(inputs, float32('past_key_values.0.key', ['batch', 2, 'past', 'size'])),
      outputs,
      '`past_key_values.0.key` is [batch, 2, past, size]; its dimension 3 must be a number',
    ],
  ])('refuses a model with %s, naming it', (_, modelInputs, modelOutputs, message) => {
    expect(() => readModelContract(modelInputs, modelOutputs)).toThrow(ModelContractError);
    expect(() => readModelContract(modelInputs, modelOutputs)).toThrow(message);
  });
});
