import { z } from 'zod';
import { jsonObjectSchema } from './json-object.schema.js';

/** Longest regular expression, in characters. */
export const MAX_REGEX_CHARS = 2048;
export const MAX_CHOICES = 1024;

/**
 * The form that a text must have: OpenAI's `text`, `json_object` and `json_schema`, and two of our own, `regex` (the
 * whole text matches) and `choice` (the text is one of the list).
 */
export const responseFormatSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text') }),
  z.strictObject({ type: z.literal('json_object') }),
  z.strictObject({
    type: z.literal('json_schema'),
    json_schema: z.strictObject({
      name: z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/, 'a name is 1 to 64 of a-z, A-Z, 0-9, _ and -'),
      description: z.string().max(16_384).optional(),
      schema: jsonObjectSchema,
      strict: z.boolean().nullable().optional(),
    }),
  }),
  z.strictObject({ type: z.literal('regex'), pattern: z.string().min(1).max(MAX_REGEX_CHARS) }),
  z.strictObject({
    type: z.literal('choice'),
    choices: z.array(z.string().min(1).max(4096)).min(1).max(MAX_CHOICES),
  }),
]);

export type ResponseFormat = z.infer<typeof responseFormatSchema>;
