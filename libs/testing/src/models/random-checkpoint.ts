import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkpointShapes, parseLlamaConfig } from '#model-store';
import { randomWeights } from '#quantizer';

/** Shape of a model nobody trained; the defaults make one of 0.14 M parameters. */
export interface RandomLlamaShape {
  readonly hiddenSize?: number;
  readonly layers?: number;
  readonly attentionHeads?: number;
  readonly keyValueHeads?: number;
  readonly headDim?: number;
  readonly intermediateSize?: number;
  readonly vocabSize?: number;
  readonly contextTokens?: number;
  readonly endTokenIds?: readonly number[];
  readonly tieWordEmbeddings?: boolean;
}

export interface RandomCheckpointOptions {
  readonly shape?: RandomLlamaShape;
  readonly seed?: number;
  /** Number format of the file, default F32. BF16 cuts mantissas off. */
  readonly type?: 'BF16' | 'F16' | 'F32';
  /** Files to spread the tensors over, default 1: `model.safetensors` without an index. */
  readonly shards?: number;
}

/** Writes a Hugging Face checkpoint directory of random weights, without a tokenizer. */
export async function writeRandomCheckpoint(
  directory: string,
  { shape = {}, seed = 1, type = 'F32', shards = 1 }: RandomCheckpointOptions = {},
): Promise<void> {
  const json = toHfConfig(shape);
  const config = parseLlamaConfig(json);
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'config.json'), JSON.stringify(json));
  const source = randomWeights(config, seed);
  const files: Map<string, StoredTensor>[] = Array.from({ length: shards }, () => new Map());
  for (const [index, [tensor, dims]] of [...checkpointShapes(config)].entries()) {
    const pieces: Uint8Array[] = [];
    for await (const rows of source.rows(tensor)) pieces.push(encode(rows, type));
    files[index % shards]!.set(tensor, { dims, type, bytes: Buffer.concat(pieces) });
  }
  const weightMap: Record<string, string> = {};
  for (const [index, tensors] of files.entries()) {
    const name = shards === 1 ? 'model.safetensors' : `model-${index + 1}-of-${shards}.safetensors`;
    await writeFile(join(directory, name), encodeSafetensors(tensors));
    for (const tensor of tensors.keys()) weightMap[tensor] = name;
  }
  if (shards > 1) {
    await writeFile(
      join(directory, 'model.safetensors.index.json'),
      JSON.stringify({ weight_map: weightMap }),
    );
  }
}

export interface StoredTensor {
  readonly dims: readonly number[];
  readonly type: string;
  readonly bytes: Uint8Array;
}

/** A `*.safetensors` file of these tensors, in their order. */
export function encodeSafetensors(tensors: ReadonlyMap<string, StoredTensor>): Uint8Array {
  const header: Record<string, unknown> = {};
  let offset = 0;
  for (const [tensor, { dims, type, bytes }] of tensors) {
    const end = offset + bytes.byteLength;
    header[tensor] = { dtype: type, shape: dims, data_offsets: [offset, end] };
    offset = end;
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.byteLength));
  return Buffer.concat([length, text, ...[...tensors.values()].map(({ bytes }) => bytes)]);
}

function toHfConfig(shape: RandomLlamaShape) {
  const hiddenSize = shape.hiddenSize ?? 64;
  const attentionHeads = shape.attentionHeads ?? 4;
  return {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    hidden_size: hiddenSize,
    num_hidden_layers: shape.layers ?? 2,
    num_attention_heads: attentionHeads,
    num_key_value_heads: shape.keyValueHeads ?? 2,
    head_dim: shape.headDim ?? hiddenSize / attentionHeads,
    intermediate_size: shape.intermediateSize ?? 192,
    vocab_size: shape.vocabSize ?? 256,
    rms_norm_eps: 1e-5,
    rope_theta: 10_000,
    max_position_embeddings: shape.contextTokens ?? 256,
    tie_word_embeddings: shape.tieWordEmbeddings ?? false,
    bos_token_id: 0,
    eos_token_id: shape.endTokenIds ?? [1],
  };
}

function encode(values: Float32Array, type: 'BF16' | 'F16' | 'F32'): Uint8Array {
  if (type === 'F32') return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const halves = new DataView(new ArrayBuffer(values.length * 2));
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (const [i, value] of values.entries()) {
    if (type === 'BF16') halves.setUint16(i * 2, bits[i]! >>> 16, true);
    else halves.setUint16(i * 2, binary16(value), true);
  }
  return new Uint8Array(halves.buffer);
}

/** Nearest-below binary16 of an ordinary number: enough for weights, and written without the code under test. */
function binary16(value: number): number {
  const sign = value < 0 ? 0x8000 : 0;
  const exponent = Math.max(-14, Math.floor(Math.log2(Math.abs(value) || 2 ** -30)));
  const fraction = Math.floor((Math.abs(value) / 2 ** exponent) * 1024);
  return sign | (fraction < 1024 ? fraction : ((exponent + 15) << 10) + (fraction - 1024));
}
