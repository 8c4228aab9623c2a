import { DroverError, type ChatMessage, type Tool, type ToolCall } from '#contracts';
import { isObject } from '../tokenizer-files.js';

/**
 * A chat as templates see it, by the convention of transformers' `apply_chat_template`: content is always a text, and
 * the arguments of a call are an object, which the template spells in its model's way.
 */
export interface TemplateChat {
  readonly messages: readonly TemplateMessage[];
  readonly tools: readonly TemplateTool[];
}

export interface TemplateMessage {
  readonly role: string;
  readonly content: string;
  readonly tool_calls?: readonly TemplateToolCall[];
  readonly tool_call_id?: string;
}

export interface TemplateToolCall {
  readonly id: string;
  readonly type: 'function';
  readonly function: { readonly name: string; readonly arguments: Readonly<Record<string, unknown>> };
}

/** `strict` is left out: it tells the service how to decode, and the model nothing. */
export interface TemplateTool {
  readonly type: 'function';
  readonly function: Omit<Tool['function'], 'strict'>;
}

/** @throws DroverError `invalid_value` naming a call whose `arguments` are not the JSON text of an object. */
export function toTemplateChat(messages: readonly ChatMessage[], tools: readonly Tool[]): TemplateChat {
  return {
    messages: messages.map((message, index) => toTemplateMessage(message, `input.messages[${index}]`)),
    tools: tools.map(toTemplateTool),
  };
}

function toTemplateTool(tool: Tool): TemplateTool {
  const described = { ...tool.function };
  delete described.strict;
  return { type: tool.type, function: described };
}

function toTemplateMessage(message: ChatMessage, param: string): TemplateMessage {
  const { role } = message;
  const content = message.content ?? '';
  switch (role) {
    case 'system':
    case 'user':
      return { role, content };
    case 'tool':
      return { role, content, tool_call_id: message.tool_call_id };
    case 'assistant': {
      const calls = message.tool_calls?.map((call, at) =>
        toTemplateCall(call, `${param}.tool_calls[${at}].function.arguments`),
      );
      // Templates ask whether the key is there.
      return calls === undefined ? { role, content } : { role, content, tool_calls: calls };
    }
    default:
      return role satisfies never;
  }
}

function toTemplateCall(
  { id, type, function: { name, arguments: text } }: ToolCall,
  param: string,
): TemplateToolCall {
  const value = parseJson(text);
  if (!isObject(value)) {
    throw new DroverError('invalid_value', `\`${param}\` must be the JSON text of an object, such as "{}".`, {
      param,
    });
  }
  return { id, type, function: { name, arguments: value } };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
