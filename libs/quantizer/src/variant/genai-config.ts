import type { LlamaConfig } from '#model-store';

/**
 * `genai_config.json` of onnxruntime-genai, so that its tools load the variant too. Source of the schema:
 * github.com/microsoft/onnxruntime-genai, src/config.h.
 */
export function toGenaiConfig(config: LlamaConfig, modelFile: string): unknown {
  return {
    model: {
      type: 'llama',
      bos_token_id: config.bosTokenId ?? undefined,
      eos_token_id: config.endTokenIds,
      pad_token_id: config.padTokenId ?? config.endTokenIds[0],
      vocab_size: config.vocabSize,
      context_length: config.contextTokens,
      decoder: {
        filename: modelFile,
        head_size: config.headDim,
        hidden_size: config.hiddenSize,
        num_attention_heads: config.attentionHeads,
        num_key_value_heads: config.keyValueHeads,
        num_hidden_layers: config.layers,
        session_options: { provider_options: [] },
        inputs: {
          input_ids: 'input_ids',
          attention_mask: 'attention_mask',
          past_key_names: 'past_key_values.%d.key',
          past_value_names: 'past_key_values.%d.value',
        },
        outputs: {
          logits: 'logits',
          present_key_names: 'present.%d.key',
          present_value_names: 'present.%d.value',
        },
      },
    },
    search: {
      max_length: config.contextTokens,
      do_sample: true,
      temperature: 1,
      top_k: 0,
      top_p: 1,
      repetition_penalty: 1,
      past_present_share_buffer: true,
    },
  };
}
