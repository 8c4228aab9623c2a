import type { ResponseFormat, Tool, ToolChoice } from '#contracts';
import { buildRecogniser, fieldOf, formatGrammar } from './format-grammar.js';
import { toolCallGrammar } from './tool-call-grammar.js';

/**
 * Refuses a format before it is queued. Needs no model: grammars are built and not run, in a few milliseconds.
 * @throws DroverError `invalid_value` naming the field and what is wrong or not supported
 */
export function validateResponseFormat(format: ResponseFormat): void {
  if (format.type !== 'text') buildRecogniser(formatGrammar(format), fieldOf(format));
}

/**
 * Refuses tools whose parameters could not be demanded, where the choice demands a call.
 * @throws DroverError `invalid_value` naming the field and what is wrong or not supported
 */
export function validateToolChoice(tools: readonly Tool[], toolChoice: ToolChoice): void {
  if (toolChoice === 'none' || toolChoice === 'auto') return;
  buildRecogniser(toolCallGrammar(tools, toolChoice, true), 'input.tools');
}
