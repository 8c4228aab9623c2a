import { describe, expect, it } from 'vitest';
import { jobInputSchema } from './submit-job.schema.js';

const messages = [{ role: 'user', content: 'Hello!' }];
const tools = [{ type: 'function', function: { name: 'add' } }];
const call = { id: 'call_1', type: 'function', function: { name: 'add', arguments: '{}' } };
const asked = [...messages, { role: 'assistant', tool_calls: [call] }];
const answer = (id: string) => ({ role: 'tool', content: '3', tool_call_id: id });
const json = { type: 'json_object' };

describe("a job's input", () => {
  it.each([
    { messages, n: 2, best_of: 4 },
    { messages, logprobs: true, top_logprobs: 20 },
    { prompt: 'Once', echo: true, n: 2 },
    { prompt: 'Once', echo: true, n: 2, logprobs: true, top_logprobs: 5 },
    { prompt: 'Once', echo: true, logprobs: true, max_new_tokens: 0 },
    { messages, tools, tool_choice: 'required', parallel_tool_calls: false },
    { messages, tools, tool_choice: { type: 'function', function: { name: 'add' } } },
    { messages: [...asked, answer('call_1'), { role: 'user', content: 'Thanks' }], tools },
    { messages, response_format: json },
    { messages, response_format: json, tools, tool_choice: 'none' },
    { prompt: 'Once', response_format: { type: 'text' }, echo: true, stop: 'x' },
  ])('may be %j', (input) => {
    expect(jobInputSchema.safeParse(input).error?.issues).toBeUndefined();
  });

  it.each([
    [{ messages, n: 3, best_of: 2 }, 'best_of', 'at least `n`, 3'],
    [{ messages, top_logprobs: 1 }, 'top_logprobs', '`logprobs: true`'],
    [{ messages, echo: true }, 'echo', 'only a `prompt`'],
    [{ prompt: 'x', max_tokens: 0 }, 'max_tokens', 'needs `echo` and `logprobs`'],
    [{ prompt: 'x', echo: true, max_new_tokens: 0 }, 'max_new_tokens', 'needs `echo` and `logprobs`'],
    [{ prompt: 'x', echo: true, logprobs: true, max_tokens: 0, n: 2 }, 'max_tokens', 'leave `n`'],
    [{ prompt: 'x', echo: true, response_format: json }, 'echo', 'does not follow `response_format`'],
    [{ messages, tool_choice: 'auto' }, 'tool_choice', 'needs `tools`'],
    [{ messages, parallel_tool_calls: true }, 'parallel_tool_calls', 'needs `tools`'],
    [{ prompt: 'x', tools }, 'tools', 'need `messages`'],
    [{ messages, tools: [...tools, ...tools] }, 'tools.1.function.name', 'another tool'],
    [
      { messages, tools, tool_choice: { type: 'function', function: { name: 'sub' } } },
      'tool_choice.function.name',
      '`sub` is not one of `tools`: add',
    ],
    [{ messages, tools, response_format: json }, 'response_format', '`tool_choice` to "none"'],
    [{ messages, response_format: json, stop: '}' }, 'stop', 'ends where `response_format` ends'],
    [{ messages, response_format: json, ignore_eos: true }, 'ignore_eos', 'leave it out'],
    [{ messages, tools, tool_choice: 'required', min_tokens: 1 }, 'min_tokens', 'a required tool call'],
    [{ messages: [...asked, answer('call_2')] }, 'messages.2.tool_call_id', 'no call with this id'],
    [{ messages: [...asked, ...messages, answer('call_1')] }, 'messages.3.tool_call_id', 'no call'],
  ])('may not be %j: the problem is at %s', (input, path, text) => {
    const [issue] = jobInputSchema.safeParse(input).error?.issues ?? [];
    expect(issue?.path.join('.')).toBe(path);
    expect(issue?.message).toContain(text);
  });

  it.each([{ n: 0 }, { n: 17 }, { best_of: 17 }, { logprobs: true, top_logprobs: 21 }, { logprobs: 5 }])(
    'is within its bounds, so not %j',
    (input) => {
      expect(jobInputSchema.safeParse({ messages, ...input }).success).toBe(false);
    },
  );
});
