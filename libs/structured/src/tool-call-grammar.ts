import type { Tool, ToolChoice } from '#contracts';
import { choice, type GrammarNode, repeat, sequence, shared, text } from './grammar/grammar-node.js';
import { ANY_OBJECT, COLON, COMMA } from './json/json-grammar.js';
import { convertSchema } from './json-schema/convert-schema.js';
import { schemaError } from './json-schema/schema-error.js';

/** A choice that leaves the model no way but to call. */
export type DemandingChoice = Exclude<ToolChoice, 'none' | 'auto'>;

const MAX_PARALLEL_CALLS = 16;
/** Of the schemas of all tools that may be called, which are read in one go. */
const MAX_PARAMETERS_CHARS = 131_072;
/** LLaMA 3.2 and later separate calls so; Meta's prompt format, "JSON based tool calling". */
const BETWEEN_CALLS = text('; ');

/**
 * The calls that a tool choice demands, in LLaMA 3.1's JSON form `{"name": "…", "parameters": {…}}`.
 * @throws DroverError `invalid_value` for parameters that are wrong or not supported
 */
export function toolCallGrammar(
  tools: readonly Tool[],
  toolChoice: DemandingChoice,
  allowsSeveral: boolean,
): GrammarNode {
  const isWanted = ({ function: { name } }: Tool) =>
    toolChoice === 'required' || name === toolChoice.function.name;
  checkLength(tools.filter(isWanted));
  const calls = tools.flatMap((tool, index) => (isWanted(tool) ? [callOf(tool, index)] : []));
  const call = shared('call', choice(...calls));
  if (!allowsSeveral) return call;
  return sequence(call, repeat(sequence(BETWEEN_CALLS, call), 0, MAX_PARALLEL_CALLS - 1));
}

function checkLength(tools: readonly Tool[]): void {
  const chars = tools.reduce((sum, tool) => sum + JSON.stringify(tool.function.parameters ?? {}).length, 0);
  if (chars > MAX_PARAMETERS_CHARS) {
    throw schemaError(
      'input.tools',
      `have parameters of ${chars} characters together; at most ${MAX_PARAMETERS_CHARS} can be demanded. Offer fewer tools, or name one in tool_choice`,
    );
  }
}

function callOf({ function: { name, parameters } }: Tool, index: number): GrammarNode {
  const path = `input.tools[${index}].function.parameters`;
  const schema = parameters === undefined ? ANY_OBJECT : convertSchema(parameters, path);
  return sequence(
    text('{"name"'),
    COLON,
    text(JSON.stringify(name)),
    COMMA,
    text('"parameters"'),
    COLON,
    schema,
    text('}'),
  );
}
