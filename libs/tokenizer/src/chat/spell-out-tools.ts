import type { TemplateChat, TemplateMessage, TemplateTool, TemplateToolCall } from './template-chat.js';

/**
 * Tools, calls and results as plain text, for a template that knows nothing of tools: LLaMA 3's zero-shot JSON format
 * with the tools in the system message and results under its role `ipython`.
 */
export function spellOutTools({ messages, tools }: TemplateChat): TemplateChat {
  const spelled = messages.map(spellOutMessage);
  return { messages: tools.length === 0 ? spelled : withToolSection(spelled, tools), tools: [] };
}

function withToolSection(
  messages: readonly TemplateMessage[],
  tools: readonly TemplateTool[],
): TemplateMessage[] {
  const section = [INSTRUCTION, ...tools.map((tool) => JSON.stringify(tool, null, 4))].join('\n\n');
  const [first, ...rest] = messages;
  return first?.role === 'system'
    ? [{ ...first, content: `${section}\n\n${first.content}` }, ...rest]
    : [{ role: 'system', content: section }, ...messages];
}

const INSTRUCTION =
  'You can call the functions described below. To call one, answer with nothing but JSON in the format ' +
  '{"name": function name, "parameters": object of argument names and their values}. ' +
  'Write values, not variables. Put ; between several calls.';

function spellOutMessage({ role, content, tool_calls: calls }: TemplateMessage): TemplateMessage {
  if (role === 'tool') return { role: 'ipython', content };
  if (calls === undefined) return { role, content };
  const spelled = calls.map(spellOutCall).join('; ');
  return { role, content: content.trim() === '' ? spelled : `${content}\n${spelled}` };
}

function spellOutCall({ function: { name, arguments: values } }: TemplateToolCall): string {
  return `{"name": ${JSON.stringify(name)}, "parameters": ${JSON.stringify(values)}}`;
}
