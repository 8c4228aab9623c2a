import { describe, expect, it } from 'vitest';
import { refusal, secondsUntilRoom } from './full-line.js';
import { decodeQueueLoad } from './queue-load.js';

const ref = { model: 'tiny', variant: '6_5' };
const limits = { maxQueuedJobs: 10, maxQueuedTokens: 1_000 };
const job = { promptTokens: 50, maxTokens: 50 };
const NOW = 1_000_000;

/** One slot; a job of 100 tokens, all generated, takes 10 s; the running one has 4 s left. */
const workers = [{ slots: 1, decodeTokensPerSecond: 10, prefillTokensPerSecond: 1e9 }];
const load = decodeQueueLoad(
  {
    'jobs:5': '10',
    'tokens:5': '1000',
    'prompt:5': '0',
    'run:job_1': `${NOW - 6_000} 5 0 100`,
    'seen:5': '3 300 30000 3 3',
  },
  NOW,
);

const wait = (full: { jobs: number; tokens: number }, size = job) =>
  secondsUntilRoom(full, limits, size, load, workers, NOW);

describe('the time until a full line has room', () => {
  it('is when the first job leaves it, where one place is wanted', () => {
    expect(wait({ jobs: 10, tokens: 100 })).toBe(4);
  });

  it('is when enough tokens have left it', () => {
    expect(wait({ jobs: 9, tokens: 1_000 })).toBe(4);
    expect(wait({ jobs: 9, tokens: 1_000 }, { promptTokens: 50, maxTokens: 250 })).toBe(24);
  });

  it('is no longer than until the last has left, and an hour at most', () => {
    expect(wait({ jobs: 9, tokens: 1_000 }, { promptTokens: 0, maxTokens: 5_000 })).toBe(94);
    const slow = [{ slots: 1, decodeTokensPerSecond: 0.001, prefillTokensPerSecond: 1 }];
    expect(secondsUntilRoom({ jobs: 10, tokens: 1 }, limits, job, load, slow, NOW)).toBe(3_600);
  });

  it('is a guess where nothing is known, and never 0', () => {
    expect(secondsUntilRoom({ jobs: 10, tokens: 1 }, limits, job, load, [], NOW)).toBe(10);
    const empty = decodeQueueLoad({}, NOW);
    expect(secondsUntilRoom({ jobs: 10, tokens: 1 }, limits, job, empty, workers, NOW)).toBe(10);
    const free = [{ slots: 50, decodeTokensPerSecond: 1, prefillTokensPerSecond: 1 }];
    expect(secondsUntilRoom({ jobs: 10, tokens: 1 }, limits, job, load, free, NOW)).toBe(1);
  });
});

describe('the refusal', () => {
  it('names the bound that was met, with both numbers, and when to come back', () => {
    expect(refusal(ref, { jobs: 10, tokens: 100 }, limits, job, 7)).toMatchObject({
      code: 'queue_full',
      retryAfterS: 7,
      message: '10 jobs wait for tiny:6_5, and 10 may (DROVER_MAX_QUEUED_JOBS). Try again in 7 s.',
    });
    expect(refusal(ref, { jobs: 9, tokens: 950 }, limits, job, 7).message).toBe(
      '950 tokens wait for tiny:6_5 and this job has 100, but 1000 may wait (DROVER_MAX_QUEUED_TOKENS). Try again in 7 s.',
    );
  });

  it('tells a job that will never fit so', () => {
    const huge = { promptTokens: 900, maxTokens: 101 };
    const refused = refusal(ref, { jobs: 0, tokens: 0 }, limits, huge, 7);
    expect(refused).toMatchObject({
      code: 'invalid_value',
      param: 'input.max_tokens',
      retryAfterS: undefined,
    });
    expect(refused.message).toContain('1001 tokens');
  });
});
