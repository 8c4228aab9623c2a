import { join } from 'node:path';
import { z } from 'zod';
import { ModelFormatError, readJson } from './read-json.js';

/** LLaMA-3.1's frequency scaling; wavelengths are compared with `originalContextTokens`. */
export interface Llama3RopeScaling {
  readonly type: 'llama3';
  readonly factor: number;
  readonly lowFrequencyFactor: number;
  readonly highFrequencyFactor: number;
  readonly originalContextTokens: number;
}

/** Position interpolation: every position is divided by `factor`. */
export interface LinearRopeScaling {
  readonly type: 'linear';
  readonly factor: number;
}

export type RopeScaling = Llama3RopeScaling | LinearRopeScaling;

/** The facts of a Llama checkpoint that fix its tensors and its graph. */
export interface LlamaConfig {
  readonly hiddenSize: number;
  readonly layers: number;
  readonly attentionHeads: number;
  readonly keyValueHeads: number;
  readonly headDim: number;
  readonly intermediateSize: number;
  readonly vocabSize: number;
  readonly rmsNormEpsilon: number;
  readonly ropeTheta: number;
  readonly ropeScaling: RopeScaling | null;
  /** Most tokens of one sequence the model was trained for. */
  readonly contextTokens: number;
  /** True where the head shares the embedding's weights. */
  readonly tieWordEmbeddings: boolean;
  readonly bosTokenId: number | null;
  readonly padTokenId: number | null;
  readonly endTokenIds: readonly number[];
}

const count = z.int().positive();
const tokenIds = z.union([z.int().min(0), z.array(z.int().min(0))]).nullish();

const ropeFields = z.looseObject({
  rope_type: z.string().optional(),
  type: z.string().optional(),
  rope_theta: z.number().positive().optional(),
  factor: z.number().positive().optional(),
  low_freq_factor: z.number().positive().optional(),
  high_freq_factor: z.number().positive().optional(),
  original_max_position_embeddings: count.optional(),
});

/** Hugging Face's `config.json` of `LlamaForCausalLM`, the fields that matter here. */
const hfLlamaConfig = z.looseObject({
  model_type: z.literal('llama'),
  architectures: z.array(z.string()).default(['LlamaForCausalLM']),
  hidden_size: count,
  num_hidden_layers: count,
  num_attention_heads: count,
  num_key_value_heads: count.optional(),
  head_dim: count.nullish(),
  intermediate_size: count,
  vocab_size: count,
  rms_norm_eps: z.number().positive(),
  rope_theta: z.number().positive().optional(),
  rope_scaling: ropeFields.nullish(),
  rope_parameters: ropeFields.nullish(),
  max_position_embeddings: count,
  hidden_act: z.literal('silu').default('silu'),
  attention_bias: z.literal(false).default(false),
  mlp_bias: z.literal(false).default(false),
  tie_word_embeddings: z.boolean().default(false),
  bos_token_id: z.int().min(0).nullish(),
  pad_token_id: z.int().min(0).nullish(),
  eos_token_id: tokenIds,
  quantization_config: z.undefined({ error: 'the checkpoint is quantized already' }).optional(),
});

type HfLlamaConfig = z.infer<typeof hfLlamaConfig>;

/** Throws `ModelFormatError` naming `file` and every field at fault. */
export function parseLlamaConfig(json: unknown, file = 'config.json'): LlamaConfig {
  const parsed = hfLlamaConfig.safeParse(json);
  if (!parsed.success) {
    const faults = parsed.error.issues.map(
      (issue) => `${issue.path.join('.') || '(root)'}: ${issue.message}`,
    );
    throw new ModelFormatError(`${file} is not a Llama configuration Drover can run: ${faults.join('; ')}`);
  }
  const raw = parsed.data;
  const config: LlamaConfig = {
    hiddenSize: raw.hidden_size,
    layers: raw.num_hidden_layers,
    attentionHeads: raw.num_attention_heads,
    keyValueHeads: raw.num_key_value_heads ?? raw.num_attention_heads,
    headDim: raw.head_dim ?? raw.hidden_size / raw.num_attention_heads,
    intermediateSize: raw.intermediate_size,
    vocabSize: raw.vocab_size,
    rmsNormEpsilon: raw.rms_norm_eps,
    ropeTheta: raw.rope_theta ?? raw.rope_parameters?.rope_theta ?? 10_000,
    ropeScaling: toRopeScaling(raw, file),
    contextTokens: raw.max_position_embeddings,
    tieWordEmbeddings: raw.tie_word_embeddings,
    bosTokenId: raw.bos_token_id ?? null,
    padTokenId: raw.pad_token_id ?? null,
    endTokenIds: toTokenIds(raw.eos_token_id),
  };
  checkShape(raw, config, file);
  return config;
}

export async function readLlamaConfig(modelDir: string): Promise<LlamaConfig> {
  const file = join(modelDir, 'config.json');
  return parseLlamaConfig(await readJson(file), file);
}

export function toTokenIds(ids: number | number[] | null | undefined): number[] {
  if (ids === null || ids === undefined) return [];
  return Array.isArray(ids) ? ids : [ids];
}

function checkShape(raw: HfLlamaConfig, config: LlamaConfig, file: string): void {
  const refuse = (reason: string): never => {
    throw new ModelFormatError(`${file}: ${reason}`);
  };
  if (!raw.architectures.includes('LlamaForCausalLM')) {
    refuse(`architectures is ${raw.architectures.join(', ')}; only LlamaForCausalLM is supported`);
  }
  if (config.attentionHeads % config.keyValueHeads !== 0) {
    refuse(
      `num_attention_heads ${config.attentionHeads} is no multiple of num_key_value_heads ${config.keyValueHeads}`,
    );
  }
  // GroupQueryAttention rotates in vectors of 16.
  if (config.headDim % 16 !== 0) refuse(`head_dim ${config.headDim} is no multiple of 16`);
  if (config.hiddenSize % 16 !== 0 || config.intermediateSize % 16 !== 0) {
    refuse(
      `hidden_size ${config.hiddenSize} and intermediate_size ${config.intermediateSize} must be multiples of 16`,
    );
  }
}

function toRopeScaling(raw: HfLlamaConfig, file: string): RopeScaling | null {
  const rope = raw.rope_scaling ?? raw.rope_parameters;
  const type = rope?.rope_type ?? rope?.type ?? 'default';
  const factor = rope?.factor;
  if (!rope || type === 'default') return null;
  if (type === 'linear' && factor !== undefined) return { type, factor };
  if (
    type === 'llama3' &&
    factor !== undefined &&
    rope.low_freq_factor !== undefined &&
    rope.high_freq_factor !== undefined &&
    rope.original_max_position_embeddings !== undefined
  ) {
    return {
      type,
      factor,
      lowFrequencyFactor: rope.low_freq_factor,
      highFrequencyFactor: rope.high_freq_factor,
      originalContextTokens: rope.original_max_position_embeddings,
    };
  }
  throw new ModelFormatError(
    `${file}: rope_scaling of type ${type} is not supported or incomplete; llama3 and linear with all their factors are`,
  );
}
