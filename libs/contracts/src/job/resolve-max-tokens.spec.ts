import { describe, expect, it } from 'vitest';
import { resolveMaxTokens } from './resolve-max-tokens.js';

const prompt = { prompt: 'Hello' };

describe('most tokens of a job', () => {
  it('defaults to 1024, or to what fits', () => {
    expect(resolveMaxTokens(prompt, 100, 8192)).toBe(1024);
    expect(resolveMaxTokens(prompt, 100, 1024)).toBe(924);
    expect(resolveMaxTokens(prompt, 1023, 1024)).toBe(1);
  });

  it.each(['max_tokens', 'max_completion_tokens', 'max_new_tokens'])('is what %s asks for', (name) => {
    expect(resolveMaxTokens({ ...prompt, [name]: 2000 }, 100, 8192)).toBe(2000);
    expect(resolveMaxTokens({ ...prompt, [name]: 924 }, 100, 1024)).toBe(924);
  });

  it('refuses more than fits, with both numbers and what fits', () => {
    expect(() => resolveMaxTokens({ ...prompt, max_new_tokens: 925 }, 100, 1024)).toThrow(
      expect.objectContaining({
        code: 'context_length_exceeded',
        param: 'input.max_new_tokens',
        message: expect.stringMatching(/100 tokens.*925.*1025.*1024.*Ask for 924/u),
      }),
    );
  });

  it('is none of a prompt that fills the whole context and is only scored', () => {
    expect(resolveMaxTokens({ ...prompt, max_tokens: 0 }, 1024, 1024)).toBe(0);
    expect(() => resolveMaxTokens({ ...prompt, max_tokens: 0 }, 1025, 1024)).toThrow('1025');
  });

  it('refuses a prompt that leaves no room for one token', () => {
    const messages = [{ role: 'user' as const, content: 'Hello' }];
    expect(() => resolveMaxTokens({ messages }, 1024, 1024)).toThrow(
      expect.objectContaining({ code: 'context_length_exceeded', param: 'input.messages' }),
    );
  });
});
