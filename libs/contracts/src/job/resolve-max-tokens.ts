import { DroverError } from '../error/api-error.js';
import type { JobInput } from './job-input.schema.js';

/** Tokens generated where a job names no number and the context has room. */
export const DEFAULT_MAX_TOKENS = 1024;

const NAMES = ['max_tokens', 'max_completion_tokens', 'max_new_tokens'] as const;

/**
 * Most tokens a job may generate: what it asks for, or by default what fits its context, at most 1024.
 * @throws DroverError `context_length_exceeded` where prompt and asked tokens do not fit, with the numbers.
 */
export function resolveMaxTokens(input: JobInput, promptTokenCount: number, contextTokens: number): number {
  const name = NAMES.find((candidate) => input[candidate] !== undefined);
  const asked = name && input[name];
  const fits = contextTokens - promptTokenCount;
  if (fits < Math.min(1, asked ?? 1)) {
    throw new DroverError(
      'context_length_exceeded',
      `The prompt has ${promptTokenCount} tokens; the context of ${contextTokens} holds a prompt of ` +
        `${contextTokens - 1} at most. Shorten the prompt.`,
      { param: input.prompt === undefined ? 'input.messages' : 'input.prompt' },
    );
  }
  if (name !== undefined && asked !== undefined && asked > fits) {
    throw new DroverError(
      'context_length_exceeded',
      `The prompt has ${promptTokenCount} tokens and \`${name}\` asks for ${asked}, together ` +
        `${promptTokenCount + asked}; the context has ${contextTokens}. Ask for ${fits} at most.`,
      { param: `input.${name}` },
    );
  }
  return asked ?? Math.min(DEFAULT_MAX_TOKENS, fits);
}
