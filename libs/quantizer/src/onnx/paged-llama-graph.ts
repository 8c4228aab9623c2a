import type { LlamaConfig } from '#model-store';
import { plannedLinears } from '../plan/planned-linears.js';
import type { QuantizationPlan } from '../plan/quantization-plan.js';
import { DecoderNodes, type GraphArithmetic } from './decoder-nodes.js';
import { CONSTANTS, COS_CACHE, SIN_CACHE } from './initializer-names.js';
import type { OnnxGraph, OnnxInitializer, OnnxValue } from './onnx-model.js';
import { bytesOf } from './bytes-of.js';

/** Products in float16: with int8 activations WebGPU's kernels were off by up to 0.8 in a logit, measured. */
const GPU_ARITHMETIC: GraphArithmetic = { activations: 'float16', accuracyLevel: 0 };

/** Tokens of a row of logits that the graph itself ranks: what most ways to sample need, 512 bytes instead of all. */
const TOP_LOGITS = 64;

/** slot_mapping, head_sink, q_norm_weight, k_norm_weight, k_scale, v_scale */
const LEFT_OUT = ['', '', '', '', '', ''];

const TOP_COUNT = 'const.top_count';
const LAST_AXIS = 'const.last_axis';

/**
 * The decoder over packed tokens and a cache in blocks, for a GPU. A run has any mix of prompt chunks and decodes: row b
 * is the tokens from `cumulative_sequence_lengths[b]` to `[b + 1]`, at positions from `past_sequence_lengths[b]` on, with
 * position p in block `block_table[b][p / block_size]`. `attention_metadata` bounds tokens and positions of a row, so
 * that no length is read back from the device.
 *
 * Logits are computed for the tokens of `logit_indices`: of each the highest ones with their tokens, highest first, and
 * the log of the sum of all exponentials; those of `full_logit_indices`, which count among these, in full.
 * The names are those of onnxruntime-genai's paged models as far as it has them.
 */
export function buildPagedLlamaGraph(config: LlamaConfig, plan: QuantizationPlan): OnnxGraph {
  const graph = new DecoderNodes(config, plannedLinears(config, plan), GPU_ARITHMETIC);
  const cos = graph.cast(COS_CACHE, 'float32', 'float16');
  const sin = graph.cast(SIN_CACHE, 'float32', 'float16');
  const hidden = graph.decoder((layer, normed) => addAttention(graph, layer, normed, [cos, sin]));
  addLogits(graph, hidden);
  const top = topCount(config);
  return {
    name: 'paged-llama',
    inputs: [
      { name: 'input_ids', type: 'int64', shape: ['tokens'] },
      { name: 'cumulative_sequence_lengths', type: 'int32', shape: ['rows_and_end'] },
      { name: 'past_sequence_lengths', type: 'int32', shape: ['rows'] },
      { name: 'block_table', type: 'int32', shape: ['rows', 'row_blocks'] },
      { name: 'attention_metadata', type: 'int32', shape: [2] },
      { name: 'logit_indices', type: 'int64', shape: ['logits'] },
      { name: 'full_logit_indices', type: 'int64', shape: ['full_logits'] },
      ...pagedCacheValues(config, 'past_key_values'),
    ],
    outputs: [
      { name: 'top_token_ids', type: 'int64', shape: ['logits', top] },
      { name: 'top_logits', type: 'float32', shape: ['logits', top] },
      { name: 'log_sum_exp', type: 'float32', shape: ['logits', 1] },
      { name: 'logits', type: 'float32', shape: ['full_logits', config.vocabSize] },
      ...pagedCacheValues(config, 'present'),
    ],
    nodes: graph.nodes,
  };
}

/** What the paged graph needs beside the weights. */
export function pagedConstants(config: LlamaConfig): OnnxInitializer[] {
  return [
    { name: TOP_COUNT, type: 'int64', dims: [1], data: bytesOf(BigInt64Array.of(BigInt(topCount(config)))) },
    { name: LAST_AXIS, type: 'int64', dims: [1], data: bytesOf(BigInt64Array.of(-1n)) },
  ];
}

function topCount({ vocabSize }: LlamaConfig): number {
  return Math.min(TOP_LOGITS, vocabSize);
}

/** Keys and values of every layer: float16 [blocks, block_size, kvHeads, headDim]. */
export function pagedCacheValues(
  { layers, keyValueHeads, headDim }: LlamaConfig,
  prefix: string,
): OnnxValue[] {
  const shape = ['blocks', 'block_size', keyValueHeads, headDim];
  return Array.from({ length: layers }, (_, layer) =>
    ['key', 'value'].map(
      (part) => ({ name: `${prefix}.${layer}.${part}`, type: 'float16', shape }) satisfies OnnxValue,
    ),
  ).flat();
}

function addAttention(graph: DecoderNodes, layer: number, input: string, rotary: readonly string[]): string {
  const { attentionHeads, keyValueHeads, headDim } = graph.config;
  const output = `layers.${layer}.attention`;
  const inputs = [
    ...graph.queryKeyValue(layer, input),
    `past_key_values.${layer}.key`,
    `past_key_values.${layer}.value`,
    'cumulative_sequence_lengths',
    'past_sequence_lengths',
    'block_table',
    ...rotary,
    ...LEFT_OUT,
    'attention_metadata',
  ];
  const outputs = [output, `present.${layer}.key`, `present.${layer}.value`];
  graph.addMicrosoft('PagedAttention', inputs, outputs, {
    num_heads: { int: attentionHeads },
    kv_num_heads: { int: keyValueHeads },
    scale: { float: 1 / Math.sqrt(headDim) },
    do_rotary: { int: 1 },
    // Hugging Face's checkpoints rotate the two halves of a head, not neighbouring pairs.
    rotary_interleaved: { int: 0 },
  });
  return graph.project(layer, 'o', output);
}

function addLogits(graph: DecoderNodes, hidden: string): void {
  const chosen = graph.add('Gather', [hidden, 'logit_indices'], 'chosen.hidden');
  const all = graph.head(chosen, 'chosen.logits');
  graph.nodes.push({
    op: 'TopK',
    name: 'TopK:top_logits',
    inputs: [all, TOP_COUNT],
    outputs: ['top_logits', 'top_token_ids'],
  });
  addLogSumExp(graph, all);
  graph.add('Gather', [all, 'full_logit_indices'], 'logits');
}

/** Of what is left over the best logit: WebGPU's ReduceLogSumExp sums the exponentials as they are, which overflow. */
function addLogSumExp(graph: DecoderNodes, logits: string): void {
  const best = graph.add('Gather', ['top_logits', CONSTANTS.axis0], 'best_logit', { axis: { int: 1 } });
  const below = graph.add('Sub', [logits, best], 'logits.below_best');
  const sum = graph.add('ReduceLogSumExp', [below, LAST_AXIS], 'logits.below_best.log_sum_exp');
  graph.add('Add', [best, sum], 'log_sum_exp');
}
