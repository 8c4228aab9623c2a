import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jobIdTimeMs, newJobId } from './job-id.js';

const times = fc.integer({ min: 0, max: 2 ** 47 });

describe('job ids', () => {
  it('hold the millisecond they were made in', () => {
    fc.assert(
      fc.property(times, (ms) => {
        expect(jobIdTimeMs(newJobId(ms))).toBe(ms);
      }),
    );
  });

  it('sort as their times do', () => {
    fc.assert(
      fc.property(times, times, (a, b) => {
        fc.pre(a !== b);
        expect(newJobId(a) < newJobId(b)).toBe(a < b);
      }),
    );
  });

  it('are words that BullMQ takes as custom ids, and no two are the same', () => {
    const ids = Array.from({ length: 1_000 }, () => newJobId(7));
    for (const id of ids) expect(id).toMatch(/^job_[0-9a-f]{32}$/);
    expect(new Set(ids).size).toBe(1_000);
  });
});
