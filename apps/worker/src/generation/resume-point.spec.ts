import { describe, expect, it } from 'vitest';
import { resumePointOf } from './resume-point.js';

const shown = { text: 'one two', tokenIds: [7, 8], logprobs: [], finishReason: null };

describe('where an attempt goes on', () => {
  it('is nowhere for a job of which nothing was shown', () => {
    expect(resumePointOf({ prompt: 'x', seed: 1 }, undefined)).toBeNull();
  });

  it.each([{ seed: 0 }, { deterministic: true, temperature: 0 }])(
    'repeats every step of a text that must come out the same: %j',
    (promised) => {
      const point = resumePointOf({ prompt: 'x', ...promised }, shown);
      expect(point).toEqual({ tokenIds: [7, 8], replay: 'decode' });
    },
  );

  it.each([{ temperature: 0.7 }, { temperature: 0 }, { seed: 1, deterministic: false }])(
    'takes the faster way where nothing is promised: %j',
    (free) => {
      expect(resumePointOf({ prompt: 'x', ...free }, shown)?.replay).toBe('prefill');
    },
  );

  it('knows the log probabilities that were told', () => {
    const logprobs = [7, 8].map((tokenId) => ({ tokenId, token: 't', bytes: [116], logprob: -1, top: [] }));
    expect(resumePointOf({ prompt: 'x', logprobs: true }, { ...shown, logprobs })).toMatchObject({
      logprobs,
    });
  });
});
