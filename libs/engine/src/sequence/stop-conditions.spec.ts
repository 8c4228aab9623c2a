import { describe, expect, it } from 'vitest';
import { bannedTokenIds, stopReasonOf } from './stop-conditions.js';

const rules = { maxTokens: 4, minTokens: 2, stopTokenIds: [7, 9] };
const nothing = { foundStopString: false, completedConstraint: false };
const everything = { foundStopString: true, completedConstraint: true };

describe('a sequence', () => {
  it('goes on while nothing ends it', () => {
    expect(stopReasonOf(rules, 1, 3, nothing)).toBeNull();
  });

  it('ends at a stop token, a stop string, a complete document or its last token, in that order of naming', () => {
    expect(stopReasonOf(rules, 9, 4, everything)).toBe('stop-token');
    expect(stopReasonOf(rules, 1, 4, everything)).toBe('stop-string');
    expect(stopReasonOf(rules, 1, 4, { ...everything, foundStopString: false })).toBe('complete');
    expect(stopReasonOf(rules, 1, 4, nothing)).toBe('max-tokens');
  });

  it('ends with its document even before its fewest tokens are there, since nothing can follow', () => {
    expect(stopReasonOf(rules, 1, 1, { ...nothing, completedConstraint: true })).toBe('complete');
  });

  it('may not generate a stop token before its fewest tokens are there', () => {
    expect([0, 1, 2].map((count) => bannedTokenIds(rules, count))).toEqual([[7, 9], [7, 9], []]);
  });
});
