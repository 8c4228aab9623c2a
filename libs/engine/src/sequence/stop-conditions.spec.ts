import { describe, expect, it } from 'vitest';
import { bannedTokenIds, stopReasonOf } from './stop-conditions.js';

const rules = { maxTokens: 4, minTokens: 2, stopTokenIds: [7, 9] };

describe('a sequence', () => {
  it('goes on while nothing ends it', () => {
    expect(stopReasonOf(rules, 1, 3, false)).toBeNull();
  });

  it('ends at a stop token, a stop string or its last token, in that order of naming', () => {
    expect(stopReasonOf(rules, 9, 4, true)).toBe('stop-token');
    expect(stopReasonOf(rules, 1, 4, true)).toBe('stop-string');
    expect(stopReasonOf(rules, 1, 4, false)).toBe('max-tokens');
  });

  it('may not generate a stop token before its fewest tokens are there', () => {
    expect([0, 1, 2].map((count) => bannedTokenIds(rules, count))).toEqual([[7, 9], [7, 9], []]);
  });
});
