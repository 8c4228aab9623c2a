import { z } from 'zod';
import { responseFormatSchema } from './response-format.schema.js';
import { MAX_TOOLS, toolChoiceSchema, toolSchema } from './tools.schema.js';

/** Most texts that one job may generate. */
export const MAX_CHOICES_PER_JOB = 16;
/** OpenAI's bound. */
export const MAX_TOP_LOGPROBS = 20;

const textCount = z.int().min(1).max(MAX_CHOICES_PER_JOB).optional();

/** What a job's `input` asks of its output: how many texts, their form, and what is told about them. */
export const outputFields = {
  n: textCount.describe('Texts to answer with. They share the prompt. Default 1.'),
  best_of: textCount.describe(
    'Texts to generate, `n` or more; the answer has the `n` with the highest mean log probability. Default `n`.',
  ),
  logprobs: z.boolean().optional().describe('Tell the log probability of each token.'),
  top_logprobs: z
    .int()
    .min(0)
    .max(MAX_TOP_LOGPROBS)
    .optional()
    .describe('Tell so many of the likeliest tokens at each place. Needs `logprobs`.'),
  echo: z
    .boolean()
    .optional()
    .describe('Begin the text with the `prompt`, and its `logprobs` with those of the prompt.'),
  response_format: responseFormatSchema.optional(),
  tools: z.array(toolSchema).min(1).max(MAX_TOOLS).optional(),
  tool_choice: toolChoiceSchema.optional().describe('Default `auto` where there are tools.'),
  parallel_tool_calls: z.boolean().optional().describe('false allows one call at most. Default true.'),
};

/** How many texts are generated for a job: those its client gets, or more to choose them from. */
export function sequenceCountOf({
  n = 1,
  best_of: bestOf = n,
}: {
  n?: number | undefined;
  best_of?: number | undefined;
}): number {
  return bestOf;
}
