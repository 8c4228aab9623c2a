import { describe, expect, it } from 'vitest';
import { resumePointOf } from './resume-point.js';

const shown = { text: 'one two', tokenIds: [7, 8] };

describe('where an attempt goes on', () => {
  it('is nowhere for a job of which nothing was shown', () => {
    expect(resumePointOf({ prompt: 'x', seed: 1 }, { text: '', tokenIds: [] })).toBeNull();
  });

  it.each([{ seed: 0 }, { temperature: 0 }, { do_sample: false }])(
    'repeats every step of a text that must come out the same: %j',
    (repeatable) => {
      const point = resumePointOf({ prompt: 'x', ...repeatable }, shown);
      expect(point).toEqual({ tokenIds: [7, 8], replay: 'decode' });
    },
  );

  it('takes the faster way where nobody can ask for the same text', () => {
    expect(resumePointOf({ prompt: 'x', temperature: 0.7 }, shown)?.replay).toBe('prefill');
  });
});
