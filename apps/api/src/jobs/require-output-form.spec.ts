import { describe, expect, it } from 'vitest';
import type { JobInput } from '#contracts';
import { TokenSpelling } from '#structured';
import { mayExceed, requireOutputForm, requireRoomForForm } from './require-output-form.js';

const bytes = Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte));
const longer = ['yes', ', please'].map((token) => new TextEncoder().encode(token));
const spelling = new TokenSpelling([...bytes, ...longer]);
const formOf = (input: Partial<JobInput>) =>
  requireOutputForm({ messages: [{ role: 'user', content: 'x' }], ...input });
const politeYes = formOf({ response_format: { type: 'choice', choices: ['yes, please', 'yes, please do'] } });

describe('the form of a job', () => {
  it('fits into as many tokens as its shortest text, and one that ends it where it could go on', () => {
    expect(() => requireRoomForForm(politeYes!, 3, spelling)).not.toThrow();
    expect(() => requireRoomForForm(politeYes!, 2, spelling)).toThrow(
      expect.objectContaining({
        code: 'invalid_value',
        param: 'input.max_tokens',
        message: expect.stringMatching(/takes 3 tokens.*may generate 2/u),
      }),
    );
  });

  it('is looked at only where its bytes alone leave it open', () => {
    expect([11, 12].map((maxTokens) => mayExceed(politeYes!, maxTokens))).toEqual([true, false]);
    const long = formOf({ response_format: { type: 'regex', pattern: '(?:[a-z]{1000}){10}' } });
    expect(long?.shortestBytes).toBe(10_000);
    expect(mayExceed(long!, 5)).toBe(false);
  });

  it('is none where every text will do', () => {
    const tools = [{ type: 'function' as const, function: { name: 'add' } }];
    expect(formOf({})).toBeNull();
    expect(formOf({ response_format: { type: 'text' } })).toBeNull();
    expect(formOf({ tools })).toBeNull();
    expect(formOf({ tools, tool_choice: 'none' })).toBeNull();
    expect(formOf({ tools, tool_choice: 'required' })?.shortestBytes).toBe(
      '{"name":"add","parameters":{}}'.length,
    );
  });
});
