import { isFinalJobStatus, JOB_STATUSES } from '#contracts';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  WAITING_REVIEW_MS,
  nextReviewMs,
  planReview,
  QUEUED_REVIEW_MS,
  type WatchedJob,
} from './plan-review.js';

const NOW = 1_000_000;
const queued: WatchedJob = {
  status: 'queued',
  createdAtMs: NOW - QUEUED_REVIEW_MS,
  waitsUntilMs: null,
  expiresAtMs: 0,
  held: false,
  inQueue: true,
};

const watched: fc.Arbitrary<WatchedJob> = fc.record({
  status: fc.constantFrom(...JOB_STATUSES, undefined),
  createdAtMs: fc.integer({ min: 0, max: NOW + 99_999 }),
  waitsUntilMs: fc.option(fc.integer({ min: NOW - 99_999, max: NOW + 99_999 }), { nil: null }),
  expiresAtMs: fc.integer({ min: 0, max: NOW + 99_999 }),
  held: fc.boolean(),
  inQueue: fc.boolean(),
});

describe('planReview', () => {
  it('leaves a job alone that waits in the queue or is held by a worker', () => {
    expect(planReview(queued, NOW)).toBe('wait');
    expect(planReview({ ...queued, status: 'running', held: true }, NOW)).toBe('wait');
  });

  it('requeues a running job that no worker holds', () => {
    expect(planReview({ ...queued, status: 'running' }, NOW)).toBe('requeue');
  });

  it('restores an open job that the queue does not have', () => {
    expect(planReview({ ...queued, inQueue: false }, NOW)).toBe('restore');
    expect(planReview({ ...queued, status: 'running', inQueue: false }, NOW)).toBe('restore');
  });

  it('expires a waiting job past its time', () => {
    expect(planReview({ ...queued, waitsUntilMs: NOW - 1 }, NOW)).toBe('expire');
    expect(planReview({ ...queued, waitsUntilMs: NOW }, NOW)).toBe('wait');
    expect(planReview({ ...queued, status: 'running', held: true, waitsUntilMs: NOW - 1 }, NOW)).toBe('wait');
  });

  it('never moves a job that has ended, and forgets only what is gone', () => {
    fc.assert(
      fc.property(watched, (job) => {
        const step = planReview(job, NOW);
        const ended = job.status !== undefined && isFinalJobStatus(job.status);
        expect(ended && step !== 'wait').toBe(false);
        expect(step === 'forget').toBe(job.status === undefined);
      }),
    );
  });
});

describe('nextReviewMs', () => {
  it('is always in the future and no later than the job needs', () => {
    fc.assert(
      fc.property(watched, (job) => {
        const next = nextReviewMs(job, NOW);
        expect(next).toBeGreaterThan(NOW);
        expect(next).toBeLessThanOrEqual(Math.max(NOW + WAITING_REVIEW_MS, job.expiresAtMs + 1_000));
      }),
    );
  });

  it('is right after the start time of a job that has to start by then', () => {
    expect(nextReviewMs({ ...queued, waitsUntilMs: NOW + 500 }, NOW)).toBe(NOW + 501);
  });

  it('is far off once a job was found to wait, so that a long line costs few looks', () => {
    expect(nextReviewMs({ ...queued, createdAtMs: NOW - 1 }, NOW)).toBe(NOW + QUEUED_REVIEW_MS);
    expect(nextReviewMs(queued, NOW)).toBe(NOW + WAITING_REVIEW_MS);
  });
});
