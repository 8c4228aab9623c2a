import { describe, expect, it } from 'vitest';
import { JOB_STATUSES, isFinalJobStatus, mayFollow } from './job-status.js';

describe('job status', () => {
  it('lets nothing follow an end but the queue, by a retry, and nothing at all a success', () => {
    for (const status of JOB_STATUSES.filter(isFinalJobStatus)) {
      const next = JOB_STATUSES.filter((candidate) => mayFollow(status, candidate));
      expect(next).toEqual(status === 'succeeded' ? [] : ['queued']);
    }
  });

  it('cannot succeed without having run', () => {
    expect(mayFollow('queued', 'succeeded')).toBe(false);
    expect(mayFollow('running', 'succeeded')).toBe(true);
  });
});
