import { Template } from '@huggingface/jinja';
import { DroverError, type ChatMessage } from '#contracts';
import { TokenizerFileError } from './tokenizer-files.js';

/** Renders messages, with the prompt for the assistant's answer at the end. */
export type ChatTemplate = (messages: readonly ChatMessage[]) => string;

/** `variables` are the token texts that templates name, such as `bos_token`. */
export function compileChatTemplate(
  file: string,
  source: string | null,
  variables: Readonly<Record<string, string>>,
): ChatTemplate {
  if (source === null) return refuseMessages;
  let template: Template;
  try {
    template = new Template(source);
  } catch (cause) {
    const problem = `its chat template cannot be parsed (${messageOf(cause)})`;
    throw new TokenizerFileError(file, problem, 'Correct `chat_template` in tokenizer_config.json', cause);
  }
  return (messages) => {
    try {
      return template.render({ ...variables, messages, add_generation_prompt: true });
    } catch (cause) {
      // Templates call raise_exception where they forbid an order of roles; that is the caller's to mend.
      throw new DroverError(
        'invalid_value',
        `The chat template of this model refuses these messages: ${messageOf(cause)}`,
        { param: 'input.messages', cause },
      );
    }
  };
}

function refuseMessages(): never {
  throw new DroverError('unsupported_parameter', 'This model has no chat template; send `prompt` instead.', {
    param: 'input.messages',
  });
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
