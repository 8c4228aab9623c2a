import type { z } from 'zod';
import type { ChatMessage } from './chat-message.schema.js';
import type { JobInput } from './job-input.schema.js';
import { sequenceCountOf } from './output.schema.js';

/** What is wrong with a field in view of the others. */
interface InputProblem {
  /** Path under `input`; empty for the input as a whole. */
  readonly path: (string | number)[];
  readonly message: string;
}

const TOKEN_LIMITS = ['max_tokens', 'max_completion_tokens', 'max_new_tokens'] as const;
/** Fields that end a text elsewhere than its form does. */
const OTHER_ENDS = ['stop', 'stop_token_ids', 'min_tokens', 'ignore_eos'] as const;

/** Reports what only several fields together show to be wrong, each problem at the field to change. */
export function checkJobInput(input: JobInput, context: z.core.$RefinementCtx<JobInput>): void {
  for (const { path, message } of problemsOf(input)) context.addIssue({ code: 'custom', path, message });
}

function* problemsOf(input: JobInput): Generator<InputProblem> {
  if ((input.messages === undefined) === (input.prompt === undefined)) {
    yield { path: [], message: 'give exactly one of `messages` and `prompt`' };
  }
  if (TOKEN_LIMITS.filter((name) => input[name] !== undefined).length > 1) {
    yield {
      path: [],
      message: 'give only one of `max_tokens`, `max_completion_tokens` and `max_new_tokens`',
    };
  }
  if (input.best_of !== undefined && input.best_of < (input.n ?? 1)) {
    yield { path: ['best_of'], message: `it must be at least \`n\`, ${input.n}` };
  }
  if (input.top_logprobs !== undefined && input.logprobs !== true) {
    yield { path: ['top_logprobs'], message: 'it needs `logprobs: true`' };
  }
  yield* echoProblems(input);
  yield* scoringProblems(input);
  yield* toolProblems(input);
  yield* formatProblems(input);
  yield* toolMessageProblems(input.messages ?? []);
}

function* echoProblems({ echo, prompt, response_format: format }: JobInput): Generator<InputProblem> {
  if (echo !== true) return;
  const path = ['echo'];
  if (prompt === undefined) yield { path, message: 'only a `prompt` can be echoed; leave it out' };
  if (format !== undefined && format.type !== 'text') {
    yield { path, message: 'the prompt does not follow `response_format`; leave one of them out' };
  }
}

/** A job that generates nothing has a prompt to score instead, once. */
function* scoringProblems(input: JobInput): Generator<InputProblem> {
  const limit = TOKEN_LIMITS.find((name) => input[name] === 0);
  if (limit === undefined) return;
  const path = [limit];
  if (input.echo !== true || input.logprobs !== true) {
    yield { path, message: '0 generates nothing, and needs `echo` and `logprobs` for something to tell' };
  }
  if (sequenceCountOf(input) > 1) {
    yield { path, message: '0 generates nothing, so there is one text; leave `n` and `best_of` out' };
  }
}

function* toolProblems(input: JobInput): Generator<InputProblem> {
  const { tools, tool_choice: choice } = input;
  if (tools === undefined) {
    for (const name of ['tool_choice', 'parallel_tool_calls'] as const) {
      if (input[name] !== undefined) yield { path: [name], message: 'it needs `tools`' };
    }
    return;
  }
  if (input.messages === undefined)
    yield { path: ['tools'], message: 'they need `messages`, not a `prompt`' };
  const names = tools.map((tool) => tool.function.name);
  const twice = names.findIndex((name, i) => names.indexOf(name) < i);
  if (twice >= 0) {
    yield {
      path: ['tools', twice, 'function', 'name'],
      message: `another tool is named \`${names[twice]}\``,
    };
  }
  if (typeof choice === 'object' && !names.includes(choice.function.name)) {
    const message = `\`${choice.function.name}\` is not one of \`tools\`: ${names.slice(0, 8).join(', ')}`;
    yield { path: ['tool_choice', 'function', 'name'], message };
  }
}

function* formatProblems(input: JobInput): Generator<InputProblem> {
  const { response_format: format, tools, tool_choice: choice } = input;
  const hasForm = format !== undefined && format.type !== 'text';
  if (hasForm && tools !== undefined && choice !== 'none') {
    yield {
      path: ['response_format'],
      message: 'a text is a call of `tools` or of this format; leave one out, or set `tool_choice` to "none"',
    };
  }
  if (!hasForm && (choice === undefined || choice === 'none' || choice === 'auto')) return;
  for (const name of OTHER_ENDS) {
    if (!isSet(input[name])) continue;
    const form = hasForm ? '`response_format`' : 'a required tool call';
    yield { path: [name], message: `the text ends where ${form} ends; leave it out` };
  }
}

function isSet(end: JobInput[(typeof OTHER_ENDS)[number]]): boolean {
  return typeof end === 'object' ? end.length > 0 : Boolean(end);
}

/** The answers to an assistant's calls follow it at once. */
function* toolMessageProblems(messages: readonly ChatMessage[]): Generator<InputProblem> {
  let calls: readonly string[] = [];
  for (const [i, message] of messages.entries()) {
    if (message.role !== 'tool') {
      calls = message.role === 'assistant' ? (message.tool_calls ?? []).map(({ id }) => id) : [];
    } else if (!calls.includes(message.tool_call_id)) {
      yield {
        path: ['messages', i, 'tool_call_id'],
        message: 'the assistant message before it has no call with this id',
      };
    }
  }
}
