import { describe, expect, it } from 'vitest';
import { parseLlamaConfig } from '#model-store';
import { buildPagedLlamaGraph, planUniform } from '#quantizer';
import { ModelContractError } from '../model-contract.js';
import type { TensorInfo } from '../ort/session-metadata.js';
import { readPagedContract } from './paged-contract.js';

const config = parseLlamaConfig({
  model_type: 'llama',
  rms_norm_eps: 1e-5,
  hidden_size: 128,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  intermediate_size: 256,
  vocab_size: 48,
  max_position_embeddings: 64,
});
const graph = buildPagedLlamaGraph(config, planUniform(config, 8, 32));
const toInfos = (values: typeof graph.inputs): TensorInfo[] =>
  values.map(({ name, type, shape }) => ({ name, elementType: type, shape }));
const inputs = toInfos(graph.inputs);
const outputs = toInfos(graph.outputs);

const without = (infos: readonly TensorInfo[], name: string) => infos.filter((info) => info.name !== name);
const changed = (infos: readonly TensorInfo[], name: string, change: Partial<TensorInfo>) =>
  infos.map((info) => (info.name === name ? { ...info, ...change } : info));

describe('the contract of a paged model', () => {
  it('is what the quantizer writes: its caches, its vocabulary, its best logits', () => {
    const contract = readPagedContract(inputs, outputs);
    expect(contract).toMatchObject({ vocabSize: 48, topLogits: 48 });
    expect(contract.caches.map(({ pastName }) => pastName)).toEqual(
      [0, 1].flatMap((layer) => ['key', 'value'].map((part) => `past_key_values.${layer}.${part}`)),
    );
    expect(contract.caches[3]).toMatchObject({ presentName: 'present.1.value', kvHeads: 2, headDim: 32 });
  });

  it.each([
    [without(inputs, 'block_table'), outputs, 'no input `block_table`'],
    [inputs, without(outputs, 'log_sum_exp'), 'no output `log_sum_exp`'],
    [inputs, without(outputs, 'present.1.key'), 'no output `present.1.key`'],
    [changed(inputs, 'input_ids', { elementType: 'int32' }), outputs, '`input_ids` is int32; need int64'],
    [changed(inputs, 'past_key_values.0.key', { elementType: 'float32' }), outputs, 'need float16'],
    [inputs, changed(outputs, 'logits', { shape: ['full', 'v'] }), 'dimension 1 must be a number'],
  ])('is refused where a tensor is not what it should be (%#)', (given, results, message) => {
    expect(() => readPagedContract(given, results)).toThrow(ModelContractError);
    expect(() => readPagedContract(given, results)).toThrow(message);
  });
});
