import type { KvCacheType } from '#contracts';
import {
  EMBEDDING_TENSOR,
  FINAL_NORM_TENSOR,
  HEAD_TENSOR,
  inputNormTensor,
  linearTensorName,
  postAttentionNormTensor,
  type LinearRole,
  type LlamaConfig,
} from '#model-store';
import { plannedLinears, sharesHead, type PlannedLinear } from '../plan/planned-linears.js';
import { packedQkv, type StoredMatrix } from '../plan/stored-matrices.js';
import type { QuantizationPlan } from '../plan/quantization-plan.js';
import {
  CONSTANTS,
  COS_CACHE,
  SIN_CACHE,
  keyScalesName,
  packedName,
  scalesName,
  valueScalesName,
} from './initializer-names.js';
import {
  ONNX_TYPE,
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxNode,
  type OnnxValue,
} from './onnx-model.js';

const MICROSOFT = 'com.microsoft';

/** int8 activations: without it, ONNX Runtime unpacks 8-bit weights at every call. */
const ACCURACY_LEVEL = 4;

const INT8_CACHE = {
  k_quant_type: { text: 'PER_CHANNEL' },
  v_quant_type: { text: 'PER_CHANNEL' },
  kv_cache_bit_width: { int: 8 },
};

const TO_FLOAT32 = { to: { int: ONNX_TYPE.float32 } };
const TO_INT32 = { to: { int: ONNX_TYPE.int32 } };

/**
 * The decoder as the ONNX ecosystem exports it. Row b of `attention_mask` [batch, total] has ones for the tokens of
 * that sequence so far, padded on the right; keys and values are [batch, kvHeads, tokens, headDim].
 * `num_logits_to_keep` n gives the logits of the last n positions; 0 gives all.
 */
export function buildLlamaGraph(
  config: LlamaConfig,
  plan: QuantizationPlan,
  kvCache: KvCacheType,
): OnnxGraph {
  const { layers, vocabSize } = config;
  const graph = new LlamaGraph(config, plannedLinears(config, plan), kvCache);
  graph.lengths();
  let residual = graph.embedding();
  let normed = graph.norm(residual, inputNormTensor(0));
  for (let layer = 0; layer < layers; layer++) {
    const attention = graph.attention(layer, normed);
    const middle = graph.addAndNorm(residual, attention, postAttentionNormTensor(layer));
    const feedForward = graph.feedForward(layer, middle.normed);
    const nextNorm = layer + 1 < layers ? inputNormTensor(layer + 1) : FINAL_NORM_TENSOR;
    ({ residual, normed } = graph.addAndNorm(middle.residual, feedForward, nextNorm));
  }
  graph.head(normed);
  return {
    name: 'llama',
    inputs: [
      { name: 'input_ids', type: 'int64', shape: ['batch_size', 'sequence'] },
      { name: 'attention_mask', type: 'int64', shape: ['batch_size', 'total'] },
      ...cacheValues(config, kvCache, 'past_key_values', 'past'),
      { name: 'num_logits_to_keep', type: 'int64', shape: [] },
    ],
    outputs: [
      { name: 'logits', type: 'float32', shape: ['batch_size', 'kept', vocabSize] },
      ...cacheValues(config, kvCache, 'present', 'present'),
    ],
    nodes: graph.nodes,
  };
}

function cacheValues(config: LlamaConfig, kvCache: KvCacheType, prefix: string, tokens: string): OnnxValue[] {
  const type = kvCache === 'int8' ? 'int8' : 'float32';
  const shape = ['batch_size', config.keyValueHeads, tokens, config.headDim];
  return Array.from({ length: config.layers }, (_, layer) =>
    ['key', 'value'].map((part) => ({ name: `${prefix}.${layer}.${part}`, type, shape }) satisfies OnnxValue),
  ).flat();
}

/** The parts of the decoder; each adds its nodes and returns the name of what they compute. */
class LlamaGraph {
  readonly nodes: OnnxNode[] = [];
  readonly #config: LlamaConfig;
  readonly #linears: ReadonlyMap<string, PlannedLinear>;
  readonly #kvCache: KvCacheType;

  constructor(config: LlamaConfig, linears: ReadonlyMap<string, PlannedLinear>, kvCache: KvCacheType) {
    this.#config = config;
    this.#linears = linears;
    this.#kvCache = kvCache;
  }

  /** What GroupQueryAttention asks for: each row's last position and the longest row's total. */
  lengths(): void {
    this.#add('ReduceSum', ['attention_mask', CONSTANTS.axis1], 'mask.tokens', { keepdims: { int: 0 } });
    this.#add('Sub', ['mask.tokens', CONSTANTS.one], 'mask.last');
    this.#add('Cast', ['mask.last'], 'seqlens_k', TO_INT32);
    this.#add('Shape', ['attention_mask'], 'mask.shape');
    this.#add('Gather', ['mask.shape', CONSTANTS.one], 'mask.total');
    this.#add('Cast', ['mask.total'], 'total_sequence_length', TO_INT32);
  }

  embedding(): string {
    const head = this.#linear(HEAD_TENSOR);
    if (sharesHead(this.#config, head)) {
      const inputs = ['embedding.packed', 'input_ids', scalesName(HEAD_TENSOR)];
      this.#add('Reshape', [packedName(HEAD_TENSOR), CONSTANTS.embeddingShape], 'embedding.packed');
      this.#addMicrosoft('GatherBlockQuantized', inputs, ['embedding.rows'], {
        bits: { int: head.bits },
        block_size: { int: head.blockSize },
        gather_axis: { int: 0 },
        quantize_axis: { int: 1 },
      });
    } else {
      this.#add('Gather', [EMBEDDING_TENSOR, 'input_ids'], 'embedding.rows');
    }
    return this.#add('Cast', ['embedding.rows'], 'embedding', TO_FLOAT32);
  }

  norm(input: string, weight: string): string {
    const attributes = { epsilon: { float: this.#config.rmsNormEpsilon }, axis: { int: -1 } };
    return this.#add('SimplifiedLayerNormalization', [input, weight], `${weight}.normed`, attributes);
  }

  addAndNorm(residual: string, added: string, weight: string): { residual: string; normed: string } {
    const sum = { normed: `${weight}.normed`, residual: `${weight}.residual` };
    const outputs = [sum.normed, '', '', sum.residual];
    this.#addMicrosoft('SkipSimplifiedLayerNormalization', [residual, added, weight], outputs, {
      epsilon: { float: this.#config.rmsNormEpsilon },
    });
    return sum;
  }

  attention(layer: number, input: string): string {
    const { attentionHeads, keyValueHeads, headDim } = this.#config;
    const output = `layers.${layer}.attention`;
    const inputs = [
      ...this.#queryKeyValue(layer, input),
      `past_key_values.${layer}.key`,
      `past_key_values.${layer}.value`,
      'seqlens_k',
      'total_sequence_length',
      COS_CACHE,
      SIN_CACHE,
      ...(this.#kvCache === 'int8' ? ['', '', '', keyScalesName(layer), valueScalesName(layer)] : []),
    ];
    const outputs = [output, `present.${layer}.key`, `present.${layer}.value`];
    this.#addMicrosoft('GroupQueryAttention', inputs, outputs, {
      num_heads: { int: attentionHeads },
      kv_num_heads: { int: keyValueHeads },
      scale: { float: 1 / Math.sqrt(headDim) },
      do_rotary: { int: 1 },
      // Hugging Face's checkpoints rotate the two halves of a head, not neighbouring pairs.
      rotary_interleaved: { int: 0 },
      ...(this.#kvCache === 'int8' && INT8_CACHE),
    });
    return this.#project(layer, 'o', output);
  }

  feedForward(layer: number, input: string): string {
    const gate = this.#project(layer, 'gate', input);
    const up = this.#project(layer, 'up', input);
    const sigmoid = this.#add('Sigmoid', [gate], `${gate}.sigmoid`);
    const silu = this.#add('Mul', [gate, sigmoid], `${gate}.silu`);
    return this.#project(layer, 'down', this.#add('Mul', [silu, up], `layers.${layer}.gated`));
  }

  head(input: string): void {
    const { axis0, axis1, end } = CONSTANTS;
    this.#add('Neg', ['num_logits_to_keep'], 'kept.from_end');
    this.#add('Unsqueeze', ['kept.from_end', axis0], 'kept.start');
    const kept = this.#add('Slice', [input, 'kept.start', end, axis1], 'kept.hidden');
    this.#matMul(HEAD_TENSOR, kept, 'logits');
  }

  /** GroupQueryAttention takes the three side by side where key and value are left out. */
  #queryKeyValue(layer: number, input: string): [string, string, string] {
    const packed = packedQkv(this.#linears, layer);
    if (packed) return [this.#multiply(packed, input, `layers.${layer}.qkv`), '', ''];
    return [
      this.#project(layer, 'q', input),
      this.#project(layer, 'k', input),
      this.#project(layer, 'v', input),
    ];
  }

  #project(layer: number, role: LinearRole, input: string): string {
    return this.#matMul(linearTensorName(layer, role), input, `layers.${layer}.${role}`);
  }

  #matMul(tensor: string, input: string, output: string): string {
    return this.#multiply({ ...this.#linear(tensor), name: tensor }, input, output);
  }

  #multiply(matrix: Omit<StoredMatrix, 'tensors'>, input: string, output: string): string {
    const { name, bits, blockSize, rows, columns } = matrix;
    if (bits === 32) return this.#add('MatMul', [input, name], output);
    const scales = this.#add('Cast', [scalesName(name)], `${scalesName(name)}.float32`, TO_FLOAT32);
    this.#addMicrosoft('MatMulNBits', [input, packedName(name), scales], [output], {
      K: { int: columns },
      N: { int: rows },
      bits: { int: bits },
      block_size: { int: blockSize },
      accuracy_level: { int: ACCURACY_LEVEL },
    });
    return output;
  }

  #linear(tensor: string): PlannedLinear {
    const linear = this.#linears.get(tensor);
    if (!linear) throw new Error(`${tensor} is no linear layer of this model. This is a bug.`);
    return linear;
  }

  #add(op: string, inputs: string[], output: string, attributes: Record<string, OnnxAttribute> = {}): string {
    this.nodes.push({ op, name: `${op}:${output}`, inputs, outputs: [output], attributes });
    return output;
  }

  #addMicrosoft(
    op: string,
    inputs: string[],
    outputs: string[],
    attributes: Record<string, OnnxAttribute>,
  ): void {
    this.nodes.push({ op, name: `${op}:${outputs[0]}`, domain: MICROSOFT, inputs, outputs, attributes });
  }
}
