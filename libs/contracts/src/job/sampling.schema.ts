import { z } from 'zod';

/** Most tokens a job may ask for; what fits the variant's context is a second, tighter bound. */
export const MAX_TOKENS_LIMIT = 131_072;
/** OpenAI's bound on the number of stop strings. */
export const MAX_STOP_STRINGS = 4;

const tokenLimit = z.int().min(0).max(MAX_TOKENS_LIMIT).optional();
const tokenId = z.int().min(0).max(1_000_000);

/** Sampling part of a job's `input`. Unset fields keep the engine's defaults (`compileSamplingParams`). */
export const samplingFields = {
  max_tokens: tokenLimit.describe(
    'Most tokens to generate. Default 1024, or what fits the context if that is less. 0 with `echo` and `logprobs` only.',
  ),
  max_completion_tokens: tokenLimit.describe('Alias of `max_tokens`.'),
  max_new_tokens: tokenLimit.describe('Alias of `max_tokens`.'),
  min_tokens: z
    .int()
    .min(0)
    .max(MAX_TOKENS_LIMIT)
    .optional()
    .describe('Fewest tokens before an end token or a stop string may end the text.'),
  temperature: z.number().min(0).max(2).optional().describe('0 is greedy. Default 1.'),
  do_sample: z.boolean().optional().describe('false is greedy, whatever the temperature.'),
  top_p: z.number().gt(0).max(1).optional(),
  top_k: z.int().min(0).max(1_000_000).optional().describe('0 keeps every token.'),
  min_p: z.number().min(0).max(1).optional(),
  typical_p: z
    .number()
    .gt(0)
    .max(1)
    .optional()
    .describe('Keeps the tokens whose surprise is nearest to the expected one, up to this share.'),
  repetition_penalty: z.number().gt(0).max(2).optional(),
  presence_penalty: z.number().min(-2).max(2).optional(),
  frequency_penalty: z.number().min(-2).max(2).optional(),
  logit_bias: z
    .record(z.string().regex(/^\d{1,7}$/, 'keys are token ids'), z.number().min(-100).max(100))
    .refine((bias) => Object.keys(bias).length <= 1024, 'at most 1024 tokens may be biased')
    .optional(),
  seed: z
    .int()
    .min(0)
    .max(Number.MAX_SAFE_INTEGER)
    .optional()
    .describe('Same seed, same text: makes the job `deterministic` unless that is false.'),
  stop: z
    .union([z.string().min(1).max(256), z.array(z.string().min(1).max(256)).max(MAX_STOP_STRINGS)])
    .optional()
    .describe('Up to 4 strings that end the text; they are not part of it.'),
  stop_token_ids: z.array(tokenId).max(64).optional(),
  ignore_eos: z.boolean().optional(),
  deterministic: z
    .boolean()
    .optional()
    .describe(
      'The same request gives the same text whatever else runs. Default: true where a `seed` is given, else false.',
    ),
  cache_salt: z
    .string()
    .min(1)
    .max(256)
    .optional()
    .describe('Prompt prefixes are shared in the cache only between jobs of one tenant with the same salt.'),
};
