import { z } from 'zod';
import { jsonObjectSchema } from './json-object.schema.js';

export const MAX_TOOLS = 128;
const MAX_TOOL_DESCRIPTION_CHARS = 16_384;

const functionName = z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/, 'a name is 1 to 64 of a-z, A-Z, 0-9, _ and -');

/** A function that the model may ask to be called, in OpenAI's form. `parameters` is a JSON Schema. */
export const toolSchema = z.strictObject({
  type: z.literal('function'),
  function: z.strictObject({
    name: functionName,
    description: z.string().max(MAX_TOOL_DESCRIPTION_CHARS).optional(),
    parameters: jsonObjectSchema.optional(),
    strict: z.boolean().nullable().optional(),
  }),
});

export type Tool = z.infer<typeof toolSchema>;

export const toolChoiceSchema = z.union([
  z.enum(['none', 'auto', 'required']),
  z.strictObject({
    type: z.literal('function'),
    function: z.strictObject({ name: functionName }),
  }),
]);

export type ToolChoice = z.infer<typeof toolChoiceSchema>;

/** The tools that the model hears of and may call. */
export function offeredTools(input: {
  tools?: readonly Tool[] | undefined;
  tool_choice?: ToolChoice | undefined;
}): readonly Tool[] {
  return input.tool_choice === 'none' ? [] : (input.tools ?? []);
}

/** A call the model asks for. `arguments` is JSON text, as the model wrote it. */
export const toolCallSchema = z.strictObject({
  id: z.string().min(1).max(128),
  type: z.literal('function'),
  function: z.strictObject({ name: functionName, arguments: z.string().max(1_000_000) }),
});

export type ToolCall = z.infer<typeof toolCallSchema>;
