import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { submitJobSchema } from '#contracts';
import { describeZodError, formatPath } from './describe-zod-error.js';

function refusal(body: unknown) {
  const parsed = submitJobSchema.safeParse(body);
  if (parsed.success) throw new Error('the body was accepted');
  const { code, param, message } = describeZodError(parsed.error, body);
  return { code, param, message };
}

const job = (input: object, rest: object = {}) => ({
  model: 'drover-tiny',
  input: { prompt: 'Hi', ...input },
  ...rest,
});

describe('a refused body', () => {
  it.each([
    [{}, 'missing_field', 'model', 'is required'],
    [{ model: 'm' }, 'missing_field', 'input', 'give an object'],
    [{ model: 7, input: { prompt: 'x' } }, 'invalid_value', 'model', 'must be a string, not a number'],
    [job({ temperature: 3 }), 'invalid_value', 'input.temperature', 'must be at most 2'],
    [job({ top_p: 0 }), 'invalid_value', 'input.top_p', 'must be more than 0'],
    [job({ max_tokens: 1.5 }), 'invalid_value', 'input.max_tokens', 'must be an integer, not a fraction'],
    [job({ stop: 5 }), 'invalid_value', 'input.stop', 'must be a string or an array, not a number'],
    [job({ stop: ['a', 'b', 'c', 'd', 'e'] }), 'invalid_value', 'input.stop', 'at most 4 items'],
    [job({ stop: ['a', 5] }), 'invalid_value', 'input.stop[1]', 'must be a string, not a number'],
    [job({ logit_bias: { x: 1 } }), 'invalid_value', 'input.logit_bias.x', 'token ids'],
    [job({ temprature: 1 }), 'unknown_field', 'input.temprature', 'check its spelling'],
    [job({}, { webhook: 'ftp://example.com' }), 'invalid_value', 'webhook', 'http or https URL'],
    [
      job({}, { webhook: { url: 'https://a.example', events: ['job.lost'] } }),
      'invalid_value',
      'webhook.events[0]',
      'job.succeeded',
    ],
    [job({}, { start_by: 'tomorrow' }), 'invalid_value', 'start_by', 'ISO 8601'],
    [job({}, { ttl_s: 1 }), 'invalid_value', 'ttl_s', 'must be at least 60'],
    [{ model: 'm', input: {} }, 'invalid_value', 'input', 'exactly one of `messages` and `prompt`'],
    [
      { model: 'm', input: { messages: [{ role: 'robot', content: 'x' }] } },
      'invalid_value',
      'input.messages[0].role',
      'must be one of "system", "user", "assistant"',
    ],
    [
      job({ response_format: {} }),
      'missing_field',
      'input.response_format.type',
      'give one of "text", "json_object"',
    ],
    [job({ best_of: 1, n: 2 }), 'invalid_value', 'input.best_of', 'at least `n`, 2'],
    [job({ tool_choice: 'auto' }), 'invalid_value', 'input.tool_choice', 'needs `tools`'],
    [null, 'invalid_value', null, 'The request must be an object, not null'],
    [undefined, 'invalid_value', null, 'The request must be an object, not nothing'],
  ])('%j is %s at %s', (body, code, param, text) => {
    const refused = refusal(body);
    expect(refused).toMatchObject({ code, param });
    expect(refused.message).toContain(text);
  });

  it('is described whatever it was', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (body) => {
        const parsed = submitJobSchema.safeParse(body);
        if (parsed.success) return;
        const problem = describeZodError(parsed.error, body);
        expect(problem.message).toMatch(/\.$/);
        expect(problem.param === null || problem.param.length <= 200).toBe(true);
      }),
    );
  });
});

it('writes paths as a caller would', () => {
  expect(formatPath(['input', 'messages', 0, 'role'])).toBe('input.messages[0].role');
});
