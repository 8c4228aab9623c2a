import { describe, expect, it } from 'vitest';
import { JOB_STATUSES, isFinalJobStatus, mayFollow } from './job-status.js';

describe('job status', () => {
  it('lets nothing follow a final status', () => {
    for (const status of JOB_STATUSES.filter(isFinalJobStatus)) {
      expect(JOB_STATUSES.filter((next) => mayFollow(status, next))).toEqual([]);
    }
  });

  it('cannot succeed without having run', () => {
    expect(mayFollow('queued', 'succeeded')).toBe(false);
    expect(mayFollow('running', 'succeeded')).toBe(true);
  });
});
