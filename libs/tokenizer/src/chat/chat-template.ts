import { Template } from '@huggingface/jinja';
import { DroverError } from '#contracts';
import { TokenizerFileError } from '../tokenizer-files.js';
import { hasParallelCalls, oneCallAtATime } from './parallel-calls.js';
import { spellOutTools } from './spell-out-tools.js';
import type { TemplateChat } from './template-chat.js';

/** Renders messages, with the prompt for the assistant's answer at the end. */
export type ChatTemplate = (chat: TemplateChat) => string;

/**
 * LLaMA 3.1's own stand-in for today. With the true date a prompt would not be a function of its request: a job resumed
 * past midnight would go on from another prompt, and cached prefixes would be lost every day.
 */
const DATE = '26 Jul 2024';

/** `variables` are the token texts that templates name, such as `bos_token`. */
export function compileChatTemplate(
  file: string,
  source: string | null,
  variables: Readonly<Record<string, string>>,
): ChatTemplate {
  if (source === null) return refuseMessages;
  const template = parseTemplate(file, source);
  const render = ({ messages, tools }: TemplateChat): string => {
    try {
      const named = tools.length === 0 ? {} : { tools };
      return template.render({
        ...variables,
        ...named,
        messages,
        date_string: DATE,
        add_generation_prompt: true,
      });
    } catch (cause) {
      if (hasParallelCalls(messages)) return render({ messages: oneCallAtATime(messages), tools });
      throw refusal(cause);
    }
  };
  return knowsTools(source) ? render : (chat) => render(spellOutTools(chat));
}

/** Whether the source names the variable `tools`. */
function knowsTools(source: string): boolean {
  return /\btools\b/u.test(source);
}

function parseTemplate(file: string, source: string): Template {
  try {
    return new Template(source);
  } catch (cause) {
    const problem = `its chat template cannot be parsed (${messageOf(cause)})`;
    throw new TokenizerFileError(file, problem, 'Correct `chat_template` in tokenizer_config.json', cause);
  }
}

/** Templates call raise_exception where they forbid an order of roles; that is the caller's to mend. */
function refusal(cause: unknown): DroverError {
  const message = `The chat template of this model refuses these messages: ${messageOf(cause)}`;
  return new DroverError('invalid_value', message, { param: 'input.messages', cause });
}

function refuseMessages(): never {
  throw new DroverError('unsupported_parameter', 'This model has no chat template; send `prompt` instead.', {
    param: 'input.messages',
  });
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
