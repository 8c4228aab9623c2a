import { describe, expect, it } from 'vitest';
import { submitJobSchema } from './submit-job.schema.js';

const messages = [{ role: 'user', content: 'Hello!' }];
const job = (more: object, input: object = { messages }) =>
  submitJobSchema.safeParse({ model: 'drover-tiny', input, ...more });

describe('a submitted job', () => {
  it('needs a model and exactly one of messages and prompt', () => {
    expect(job({}).success).toBe(true);
    expect(job({}, { prompt: 'Once' }).success).toBe(true);
    expect(job({}, { messages, prompt: 'Once' }).success).toBe(false);
    expect(job({}, {}).success).toBe(false);
    expect(submitJobSchema.safeParse({ input: { messages } }).success).toBe(false);
  });

  it('takes one name for the number of tokens, not two', () => {
    expect(job({}, { messages, max_new_tokens: 5 }).success).toBe(true);
    expect(job({}, { messages, max_new_tokens: 5, max_tokens: 5 }).success).toBe(false);
  });

  it('names a field nobody knows', () => {
    const parsed = job({}, { messages, temprature: 1 });
    expect(parsed.error?.issues[0]).toMatchObject({ code: 'unrecognized_keys', keys: ['temprature'] });
  });

  it('turns a plain webhook URL into a target', () => {
    expect(job({ webhook: 'https://example.com/hook' }).data?.webhook).toEqual({
      url: 'https://example.com/hook',
    });
    expect(job({ webhook: 'ftp://example.com/hook' }).success).toBe(false);
    expect(job({ webhook: { url: 'https://example.com', secret: 'whsec_short' } }).success).toBe(false);
  });

  it.each([
    [{}, { messages, temperature: 2.1 }],
    [{}, { messages, top_p: 0 }],
    [{}, { messages, stop: ['a', 'b', 'c', 'd', 'e'] }],
    [{}, { messages, logit_bias: { x: 1 } }],
    [{}, { messages: [] }],
    [{ priority: 0 }, { messages }],
    [{ priority: 10 }, { messages }],
    [{ start_by: 'tomorrow' }, { messages }],
    [{ ttl_s: 59 }, { messages }],
    [{ metadata: { k: 5 } }, { messages }],
  ])('refuses what is out of bounds: %j %j', (more, input) => {
    expect(job(more, input).success).toBe(false);
  });
});
