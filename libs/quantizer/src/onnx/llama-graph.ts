import type { KvCacheType } from '#contracts';
import type { LlamaConfig } from '#model-store';
import { plannedLinears } from '../plan/planned-linears.js';
import type { QuantizationPlan } from '../plan/quantization-plan.js';
import { DecoderNodes, type GraphArithmetic } from './decoder-nodes.js';
import { CONSTANTS, COS_CACHE, SIN_CACHE, keyScalesName, valueScalesName } from './initializer-names.js';
import { ONNX_TYPE, type OnnxGraph, type OnnxValue } from './onnx-model.js';

/** int8 activations in the products: without them, ONNX Runtime's CPU kernels unpack 8-bit weights at every call. */
const CPU_ARITHMETIC: GraphArithmetic = { activations: 'float32', accuracyLevel: 4 };

const INT8_CACHE = {
  k_quant_type: { text: 'PER_CHANNEL' },
  v_quant_type: { text: 'PER_CHANNEL' },
  kv_cache_bit_width: { int: 8 },
};

/** A slot's cache: one row of a tensor for each sequence. */
type SlotCacheType = Exclude<KvCacheType, 'f16'>;

const TO_INT32 = { to: { int: ONNX_TYPE.int32 } };

/**
 * The decoder as the ONNX ecosystem exports it. Row b of `attention_mask` [batch, total] has ones for the tokens of
 * that sequence so far, padded on the right; keys and values are [batch, kvHeads, tokens, headDim].
 * `num_logits_to_keep` n gives the logits of the last n positions; 0 gives all.
 */
export function buildLlamaGraph(
  config: LlamaConfig,
  plan: QuantizationPlan,
  kvCache: SlotCacheType,
): OnnxGraph {
  const graph = new DecoderNodes(config, plannedLinears(config, plan), CPU_ARITHMETIC);
  addLengths(graph);
  const hidden = graph.decoder((layer, normed) => addAttention(graph, layer, normed, kvCache));
  addHead(graph, hidden);
  return {
    name: 'llama',
    inputs: [
      { name: 'input_ids', type: 'int64', shape: ['batch_size', 'sequence'] },
      { name: 'attention_mask', type: 'int64', shape: ['batch_size', 'total'] },
      ...cacheValues(config, kvCache, 'past_key_values', 'past'),
      { name: 'num_logits_to_keep', type: 'int64', shape: [] },
    ],
    outputs: [
      { name: 'logits', type: 'float32', shape: ['batch_size', 'kept', config.vocabSize] },
      ...cacheValues(config, kvCache, 'present', 'present'),
    ],
    nodes: graph.nodes,
  };
}

function cacheValues(
  config: LlamaConfig,
  kvCache: SlotCacheType,
  prefix: string,
  tokens: string,
): OnnxValue[] {
  const type = kvCache === 'int8' ? 'int8' : 'float32';
  const shape = ['batch_size', config.keyValueHeads, tokens, config.headDim];
  return Array.from({ length: config.layers }, (_, layer) =>
    ['key', 'value'].map((part) => ({ name: `${prefix}.${layer}.${part}`, type, shape }) satisfies OnnxValue),
  ).flat();
}

/** What GroupQueryAttention asks for: each row's last position and the longest row's total. */
function addLengths(graph: DecoderNodes): void {
  graph.add('ReduceSum', ['attention_mask', CONSTANTS.axis1], 'mask.tokens', { keepdims: { int: 0 } });
  graph.add('Sub', ['mask.tokens', CONSTANTS.one], 'mask.last');
  graph.add('Cast', ['mask.last'], 'seqlens_k', TO_INT32);
  graph.add('Shape', ['attention_mask'], 'mask.shape');
  graph.add('Gather', ['mask.shape', CONSTANTS.one], 'mask.total');
  graph.add('Cast', ['mask.total'], 'total_sequence_length', TO_INT32);
}

function addAttention(graph: DecoderNodes, layer: number, input: string, kvCache: SlotCacheType): string {
  const { attentionHeads, keyValueHeads, headDim } = graph.config;
  const output = `layers.${layer}.attention`;
  const inputs = [
    ...graph.queryKeyValue(layer, input),
    `past_key_values.${layer}.key`,
    `past_key_values.${layer}.value`,
    'seqlens_k',
    'total_sequence_length',
    COS_CACHE,
    SIN_CACHE,
    ...(kvCache === 'int8' ? ['', '', '', keyScalesName(layer), valueScalesName(layer)] : []),
  ];
  const outputs = [output, `present.${layer}.key`, `present.${layer}.value`];
  graph.addMicrosoft('GroupQueryAttention', inputs, outputs, {
    num_heads: { int: attentionHeads },
    kv_num_heads: { int: keyValueHeads },
    scale: { float: 1 / Math.sqrt(headDim) },
    do_rotary: { int: 1 },
    // Hugging Face's checkpoints rotate the two halves of a head, not neighbouring pairs.
    rotary_interleaved: { int: 0 },
    ...(kvCache === 'int8' && INT8_CACHE),
  });
  return graph.project(layer, 'o', output);
}

function addHead(graph: DecoderNodes, input: string): void {
  const { axis0, axis1, end } = CONSTANTS;
  graph.add('Neg', ['num_logits_to_keep'], 'kept.from_end');
  graph.add('Unsqueeze', ['kept.from_end', axis0], 'kept.start');
  graph.head(graph.add('Slice', [input, 'kept.start', end, axis1], 'kept.hidden'), 'logits');
}
