import { offeredTools, type JobInput, type ResponseFormat, type Tool, type ToolChoice } from '#contracts';
import { fieldOf, formatGrammar } from '../format-grammar.js';
import type { GrammarNode } from '../grammar/grammar-node.js';
import { toolCallGrammar } from '../tool-call-grammar.js';

/** What a response must be: a format, or the tool calls that a choice demands. */
export type ConstraintSpec =
  | { readonly kind: 'format'; readonly format: ResponseFormat }
  | {
      readonly kind: 'tools';
      readonly tools: readonly Tool[];
      readonly toolChoice: ToolChoice;
      readonly allowsSeveral: boolean;
    };

/** A grammar, and which field of the request its errors are about. */
export interface WantedGrammar {
  readonly field: string;
  readonly build: () => GrammarNode;
}

/** What a job's texts are held to: its `response_format`, or the calls that its `tool_choice` demands. */
export function specOfJob(input: JobInput): ConstraintSpec {
  const tools = offeredTools(input);
  if (tools.length === 0) return { kind: 'format', format: input.response_format ?? { type: 'text' } };
  return {
    kind: 'tools',
    tools,
    toolChoice: input.tool_choice ?? 'auto',
    allowsSeveral: input.parallel_tool_calls !== false,
  };
}

/** Null where every text will do. */
export function grammarOf(spec: ConstraintSpec): WantedGrammar | null {
  if (spec.kind === 'format') {
    const { format } = spec;
    return format.type === 'text' ? null : { field: fieldOf(format), build: () => formatGrammar(format) };
  }
  const { tools, toolChoice, allowsSeveral } = spec;
  if (toolChoice === 'none' || toolChoice === 'auto') return null;
  return { field: 'input.tools', build: () => toolCallGrammar(tools, toolChoice, allowsSeveral) };
}
