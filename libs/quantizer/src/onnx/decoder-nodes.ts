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
import { sharesHead, type PlannedLinear } from '../plan/planned-linears.js';
import { packedQkv, type StoredMatrix } from '../plan/stored-matrices.js';
import { CONSTANTS, packedName, scalesName } from './initializer-names.js';
import { ONNX_TYPE, type OnnxAttribute, type OnnxNode } from './onnx-model.js';

const MICROSOFT = 'com.microsoft';

type FloatType = 'float32' | 'float16';

/** The arithmetic of a graph: what device it is for decides it. */
export interface GraphArithmetic {
  /** Type of what flows between the nodes. Scales and norms are cast to it, once, when the model is loaded. */
  readonly activations: FloatType;
  /** Of MatMulNBits: 4 rounds activations to int8, 0 computes in their own type. */
  readonly accuracyLevel: 0 | 4;
}

/** The parts of a Llama decoder; each adds its nodes and returns the name of what they compute. */
export class DecoderNodes {
  readonly nodes: OnnxNode[] = [];
  readonly config: LlamaConfig;
  readonly #linears: ReadonlyMap<string, PlannedLinear>;
  readonly #arithmetic: GraphArithmetic;

  constructor(config: LlamaConfig, linears: ReadonlyMap<string, PlannedLinear>, arithmetic: GraphArithmetic) {
    this.config = config;
    this.#linears = linears;
    this.#arithmetic = arithmetic;
  }

  /** From `input_ids` to the normed output of the last layer; `attention` adds that of one layer. */
  decoder(attention: (layer: number, normed: string) => string): string {
    const { layers } = this.config;
    let residual = this.#embedding();
    let normed = this.#norm(residual, inputNormTensor(0));
    for (let layer = 0; layer < layers; layer++) {
      const middle = this.#addAndNorm(residual, attention(layer, normed), postAttentionNormTensor(layer));
      const feedForward = this.#feedForward(layer, middle.normed);
      const nextNorm = layer + 1 < layers ? inputNormTensor(layer + 1) : FINAL_NORM_TENSOR;
      ({ residual, normed } = this.#addAndNorm(middle.residual, feedForward, nextNorm));
    }
    return normed;
  }

  /** Queries, keys and values: side by side in the first where their formats agree, the others then empty. */
  queryKeyValue(layer: number, input: string): [string, string, string] {
    const packed = packedQkv(this.#linears, layer);
    if (packed) return [this.#multiply(packed, input, `layers.${layer}.qkv`), '', ''];
    return [
      this.project(layer, 'q', input),
      this.project(layer, 'k', input),
      this.project(layer, 'v', input),
    ];
  }

  project(layer: number, role: LinearRole, input: string): string {
    return this.#matMul(linearTensorName(layer, role), input, `layers.${layer}.${role}`);
  }

  /** The head over `input`: always float32, in which close logits stay apart. */
  head(input: string, output: string): string {
    const exact = this.cast(input, this.#arithmetic.activations, 'float32');
    return this.#matMul(HEAD_TENSOR, exact, output, 'float32');
  }

  /** `input` itself where it has that type already. */
  cast(input: string, from: FloatType, to: FloatType): string {
    if (from === to) return input;
    return this.add('Cast', [input], `${input}.${to}`, { to: { int: ONNX_TYPE[to] } });
  }

  add(op: string, inputs: string[], output: string, attributes: Record<string, OnnxAttribute> = {}): string {
    this.nodes.push({ op, name: `${op}:${output}`, inputs, outputs: [output], attributes });
    return output;
  }

  addMicrosoft(
    op: string,
    inputs: string[],
    outputs: string[],
    attributes: Record<string, OnnxAttribute>,
  ): void {
    this.nodes.push({ op, name: `${op}:${outputs[0]}`, domain: MICROSOFT, inputs, outputs, attributes });
  }

  #embedding(): string {
    const head = this.#linear(HEAD_TENSOR);
    const { activations } = this.#arithmetic;
    if (!sharesHead(this.config, head)) {
      const rows = this.add('Gather', [EMBEDDING_TENSOR, 'input_ids'], 'embedding.rows');
      return this.cast(rows, head.bits === 32 ? 'float32' : 'float16', activations);
    }
    const inputs = ['embedding.packed', 'input_ids', scalesName(HEAD_TENSOR)];
    this.add('Reshape', [packedName(HEAD_TENSOR), CONSTANTS.embeddingShape], 'embedding.packed');
    this.addMicrosoft('GatherBlockQuantized', inputs, ['embedding.rows'], {
      bits: { int: head.bits },
      block_size: { int: head.blockSize },
      gather_axis: { int: 0 },
      quantize_axis: { int: 1 },
    });
    return this.cast('embedding.rows', 'float16', activations);
  }

  #norm(input: string, weight: string): string {
    const attributes = { epsilon: { float: this.config.rmsNormEpsilon }, axis: { int: -1 } };
    const inputs = [input, this.#normWeight(weight)];
    return this.add('SimplifiedLayerNormalization', inputs, `${weight}.normed`, attributes);
  }

  #addAndNorm(residual: string, added: string, weight: string): { residual: string; normed: string } {
    const sum = { normed: `${weight}.normed`, residual: `${weight}.residual` };
    const inputs = [residual, added, this.#normWeight(weight)];
    this.addMicrosoft('SkipSimplifiedLayerNormalization', inputs, [sum.normed, '', '', sum.residual], {
      epsilon: { float: this.config.rmsNormEpsilon },
    });
    return sum;
  }

  #feedForward(layer: number, input: string): string {
    const gate = this.project(layer, 'gate', input);
    const up = this.project(layer, 'up', input);
    const sigmoid = this.add('Sigmoid', [gate], `${gate}.sigmoid`);
    const silu = this.add('Mul', [gate, sigmoid], `${gate}.silu`);
    return this.project(layer, 'down', this.add('Mul', [silu, up], `layers.${layer}.gated`));
  }

  #normWeight(weight: string): string {
    return this.cast(weight, 'float32', this.#arithmetic.activations);
  }

  #matMul(tensor: string, input: string, output: string, type?: FloatType): string {
    return this.#multiply({ ...this.#linear(tensor), name: tensor }, input, output, type);
  }

  #multiply(
    matrix: Omit<StoredMatrix, 'tensors'>,
    input: string,
    output: string,
    type: FloatType = this.#arithmetic.activations,
  ): string {
    const { name, bits, blockSize, rows, columns } = matrix;
    if (bits === 32) return this.add('MatMul', [input, this.cast(name, 'float32', type)], output);
    const scales = this.cast(scalesName(name), 'float16', type);
    this.addMicrosoft('MatMulNBits', [input, packedName(name), scales], [output], {
      K: { int: columns },
      N: { int: rows },
      bits: { int: bits },
      block_size: { int: blockSize },
      accuracy_level: { int: this.#arithmetic.accuracyLevel },
    });
    return output;
  }

  #linear(tensor: string): PlannedLinear {
    const linear = this.#linears.get(tensor);
    if (!linear) throw new Error(`${tensor} is no linear layer of this model. This is a bug.`);
    return linear;
  }
}
