import { z } from 'zod';
import { toolCallSchema } from './tools.schema.js';

export const MAX_PROMPT_CHARS = 1_000_000;

const content = z.string().max(MAX_PROMPT_CHARS);

/** One turn of a chat, in OpenAI's form. */
export const chatMessageSchema = z.discriminatedUnion('role', [
  z.strictObject({ role: z.enum(['system', 'user']), content }),
  z
    .strictObject({
      role: z.literal('assistant'),
      content: content.nullable().optional(),
      tool_calls: z.array(toolCallSchema).min(1).max(64).optional(),
    })
    .refine((message) => message.content != null || message.tool_calls !== undefined, {
      message: 'an assistant message needs `content` or `tool_calls`',
    }),
  z.strictObject({ role: z.literal('tool'), content, tool_call_id: z.string().min(1).max(128) }),
]);

export type ChatMessage = z.infer<typeof chatMessageSchema>;
