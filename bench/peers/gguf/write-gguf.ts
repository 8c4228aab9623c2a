import { open, rename, rm } from 'node:fs/promises';
import {
  EMBEDDING_TENSOR,
  FINAL_NORM_TENSOR,
  HEAD_TENSOR,
  checkpointShapes,
  decoderLinears,
  inputNormTensor,
  postAttentionNormTensor,
  type LinearRole,
  type LlamaConfig,
} from '#model-store';
import type { WeightSource } from '#quantizer';
import { F32, Q4_0, Q6_K, Q8_0, packRows, packedBytes, type GgmlFormat } from './ggml-blocks.js';
import { encodeGgufHeader, paddingAfter, type GgufValue } from './gguf-header.js';

const GGUF_NAME_OF_ROLE = {
  q: 'attn_q',
  k: 'attn_k',
  v: 'attn_v',
  o: 'attn_output',
  gate: 'ffn_gate',
  up: 'ffn_up',
  down: 'ffn_down',
} satisfies Record<LinearRole, string>;

const NORMAL_TOKEN = 1;

interface PlannedTensor {
  readonly tensor: string;
  readonly name: string;
  readonly shape: readonly number[];
  readonly format: GgmlFormat;
  /** Heads whose rows are reordered; 0 for none. */
  readonly rotaryHeads: number;
}

/**
 * Writes a Llama model as llama.cpp's own tools would: `Q4_0` or `Q8_0`, with the head of a `Q4_0` file in `Q6_K` (in
 * `Q8_0` where its rows are no multiple of 256). It carries a tokenizer in form only: token `i` is the text `<i>`.
 */
export async function writeGguf(source: WeightSource, bits: 4 | 8, path: string): Promise<void> {
  const { config } = source;
  const plan = planTensors(config, bits);
  const unfinished = `${path}.unfinished`;
  const file = await open(unfinished, 'w');
  try {
    const tensors = plan.map(({ name, shape, format }) => ({
      name,
      shape,
      type: format.type,
      bytes: packedBytes(format, product(shape)),
    }));
    await file.writeFile(encodeGgufHeader(describeModel(config), tensors));
    for (const [index, planned] of plan.entries()) {
      for await (const rows of orderedRows(source, planned)) {
        await file.writeFile(packRows(planned.format, rows));
      }
      await file.writeFile(paddingAfter(tensors[index]!.bytes));
    }
    await file.close();
    await rename(unfinished, path);
  } catch (error) {
    await file.close();
    await rm(unfinished, { force: true });
    throw error;
  }
}

/** Bits of one weight of the decoder's linear layers, and of the head. */
export function ggufBits(
  config: LlamaConfig,
  bits: 4 | 8,
): { readonly linear: number; readonly head: number } {
  const bitsOf = ({ blockBytes, blockWeights }: GgmlFormat) => (blockBytes * 8) / blockWeights;
  return { linear: bitsOf(formatOf(bits)), head: bitsOf(headFormat(config, bits)) };
}

function formatOf(bits: 4 | 8): GgmlFormat {
  return bits === 4 ? Q4_0 : Q8_0;
}

function headFormat(config: LlamaConfig, bits: 4 | 8): GgmlFormat {
  return bits === 4 && config.hiddenSize % Q6_K.blockWeights === 0 ? Q6_K : Q8_0;
}

function planTensors(config: LlamaConfig, bits: 4 | 8): PlannedTensor[] {
  const shapes = checkpointShapes(config);
  const plan = (tensor: string, name: string, format: GgmlFormat, heads = 0): PlannedTensor => ({
    tensor,
    name: `${name}.weight`,
    shape: shapes.get(tensor)!,
    format,
    rotaryHeads: heads,
  });
  const head = headFormat(config, bits);
  const { layers, tieWordEmbeddings } = config;
  return [
    plan(EMBEDDING_TENSOR, 'token_embd', tieWordEmbeddings ? head : formatOf(bits)),
    plan(FINAL_NORM_TENSOR, 'output_norm', F32),
    ...(tieWordEmbeddings ? [] : [plan(HEAD_TENSOR, 'output', head)]),
    ...Array.from({ length: layers }, (_, layer) => [
      plan(inputNormTensor(layer), `blk.${layer}.attn_norm`, F32),
      plan(postAttentionNormTensor(layer), `blk.${layer}.ffn_norm`, F32),
    ]).flat(),
    ...decoderLinears(config).map(({ tensor, layer, role }) =>
      plan(tensor, `blk.${layer}.${GGUF_NAME_OF_ROLE[role]}`, formatOf(bits), rotaryHeads(config, role)),
    ),
  ];
}

function rotaryHeads({ attentionHeads, keyValueHeads }: LlamaConfig, role: LinearRole): number {
  if (role === 'q') return attentionHeads;
  return role === 'k' ? keyValueHeads : 0;
}

async function* orderedRows(
  source: WeightSource,
  { tensor, shape, rotaryHeads: heads }: PlannedTensor,
): AsyncGenerator<Float32Array> {
  if (heads === 0) {
    yield* source.rows(tensor);
    return;
  }
  const whole = new Float32Array(product(shape));
  let filled = 0;
  for await (const rows of source.rows(tensor)) {
    whole.set(rows, filled);
    filled += rows.length;
  }
  yield pairRotatedRows(whole, heads, shape.at(-1)!);
}

/** A checkpoint's heads rotate row i with row i + half; llama.cpp rotates neighbours, so the halves are interleaved. */
function pairRotatedRows(weights: Float32Array, heads: number, columns: number): Float32Array {
  const paired = new Float32Array(weights.length);
  const headRows = weights.length / columns / heads;
  const half = headRows / 2;
  for (let row = 0; row < heads * headRows; row++) {
    const within = row % headRows;
    const target = row - within + (within < half ? 2 * within : 2 * (within - half) + 1);
    paired.set(weights.subarray(row * columns, (row + 1) * columns), target * columns);
  }
  return paired;
}

function describeModel(config: LlamaConfig): Record<string, GgufValue> {
  const tokens = Array.from({ length: config.vocabSize }, (_, id) => `<${id}>`);
  return {
    'general.architecture': { string: 'llama' },
    'llama.vocab_size': { uint32: config.vocabSize },
    'llama.context_length': { uint32: config.contextTokens },
    'llama.embedding_length': { uint32: config.hiddenSize },
    'llama.block_count': { uint32: config.layers },
    'llama.feed_forward_length': { uint32: config.intermediateSize },
    'llama.attention.head_count': { uint32: config.attentionHeads },
    'llama.attention.head_count_kv': { uint32: config.keyValueHeads },
    'llama.attention.key_length': { uint32: config.headDim },
    'llama.attention.value_length': { uint32: config.headDim },
    'llama.attention.layer_norm_rms_epsilon': { float32: config.rmsNormEpsilon },
    'llama.rope.dimension_count': { uint32: config.headDim },
    'llama.rope.freq_base': { float32: config.ropeTheta },
    'tokenizer.ggml.model': { string: 'gpt2' },
    'tokenizer.ggml.pre': { string: 'llama-bpe' },
    'tokenizer.ggml.tokens': { strings: tokens },
    'tokenizer.ggml.token_type': { int32s: tokens.map(() => NORMAL_TOKEN) },
    'tokenizer.ggml.merges': { strings: ['< 0'] },
    'tokenizer.ggml.bos_token_id': { uint32: config.bosTokenId ?? 0 },
    'tokenizer.ggml.eos_token_id': { uint32: config.endTokenIds[0] ?? 0 },
  };
}

function product(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}
