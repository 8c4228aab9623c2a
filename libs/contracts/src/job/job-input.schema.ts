import { z } from 'zod';
import { chatMessageSchema, MAX_PROMPT_CHARS } from './chat-message.schema.js';
import { outputFields } from './output.schema.js';
import { samplingFields } from './sampling.schema.js';

export const MAX_MESSAGES = 1024;

/** What a job is to generate, each field by itself; `checkJobInput` says what they must be together. */
export const jobInputFieldsSchema = z.strictObject({
  messages: z.array(chatMessageSchema).min(1).max(MAX_MESSAGES).optional(),
  prompt: z.string().min(1).max(MAX_PROMPT_CHARS).optional(),
  ...samplingFields,
  ...outputFields,
});

export type JobInput = z.infer<typeof jobInputFieldsSchema>;
