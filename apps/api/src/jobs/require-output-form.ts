import type { JobInput } from '#contracts';
import { validateResponseFormat, validateToolChoice } from '#structured';

/**
 * Refuses a job whose text could not be held to the form it asks for; takes a few milliseconds.
 * @throws DroverError `invalid_value` naming the field and what is wrong or not supported
 */
export function requireOutputForm({
  response_format: format,
  tools,
  tool_choice: toolChoice,
}: JobInput): void {
  if (format !== undefined) validateResponseFormat(format);
  if (tools !== undefined && toolChoice !== undefined) validateToolChoice(tools, toolChoice);
}
