import type { LlamaConfig } from './llama-config.js';

/** A weight matrix as the checkpoint stores it: `rows` outputs by `columns` inputs, row-major. */
export interface LinearTensor {
  readonly tensor: string;
  readonly layer: number;
  readonly role: LinearRole;
  readonly rows: number;
  readonly columns: number;
}

export type LinearRole = 'q' | 'k' | 'v' | 'o' | 'gate' | 'up' | 'down';

export const EMBEDDING_TENSOR = 'model.embed_tokens.weight';
export const FINAL_NORM_TENSOR = 'model.norm.weight';
export const HEAD_TENSOR = 'lm_head.weight';

export const LINEAR_ROLES: readonly LinearRole[] = ['q', 'k', 'v', 'o', 'gate', 'up', 'down'];

const MODULE_OF_ROLE = {
  q: 'self_attn.q_proj',
  k: 'self_attn.k_proj',
  v: 'self_attn.v_proj',
  o: 'self_attn.o_proj',
  gate: 'mlp.gate_proj',
  up: 'mlp.up_proj',
  down: 'mlp.down_proj',
} satisfies Record<LinearRole, string>;

export function linearTensorName(layer: number, role: LinearRole): string {
  return `model.layers.${layer}.${MODULE_OF_ROLE[role]}.weight`;
}

export function inputNormTensor(layer: number): string {
  return `model.layers.${layer}.input_layernorm.weight`;
}

export function postAttentionNormTensor(layer: number): string {
  return `model.layers.${layer}.post_attention_layernorm.weight`;
}

/** The decoder's linear layers in graph order: what "bits per weight" counts. */
export function decoderLinears(config: LlamaConfig): LinearTensor[] {
  return Array.from({ length: config.layers }, (_, layer) =>
    LINEAR_ROLES.map((role) => {
      const [rows, columns] = linearShape(config, role);
      return { tensor: linearTensorName(layer, role), layer, role, rows, columns };
    }),
  ).flat();
}

/** Every tensor a checkpoint of this configuration must hold, with its shape. A tied head has none of its own. */
export function checkpointShapes(config: LlamaConfig): Map<string, readonly number[]> {
  const table = [config.vocabSize, config.hiddenSize];
  const norm = [config.hiddenSize];
  const shapes = new Map<string, readonly number[]>([[EMBEDDING_TENSOR, table]]);
  for (const { tensor, rows, columns } of decoderLinears(config)) shapes.set(tensor, [rows, columns]);
  for (let layer = 0; layer < config.layers; layer++) {
    shapes.set(inputNormTensor(layer), norm);
    shapes.set(postAttentionNormTensor(layer), norm);
  }
  shapes.set(FINAL_NORM_TENSOR, norm);
  if (!config.tieWordEmbeddings) shapes.set(HEAD_TENSOR, table);
  return shapes;
}

export function countParameters(config: LlamaConfig): number {
  let total = 0;
  for (const shape of checkpointShapes(config).values()) total += shape.reduce((a, b) => a * b, 1);
  return total;
}

function linearShape(config: LlamaConfig, role: LinearRole): readonly [number, number] {
  const { hiddenSize, intermediateSize, headDim } = config;
  switch (role) {
    case 'q':
      return [config.attentionHeads * headDim, hiddenSize];
    case 'k':
    case 'v':
      return [config.keyValueHeads * headDim, hiddenSize];
    case 'o':
      return [hiddenSize, config.attentionHeads * headDim];
    case 'gate':
    case 'up':
      return [intermediateSize, hiddenSize];
    case 'down':
      return [hiddenSize, intermediateSize];
    default:
      return role satisfies never;
  }
}
