import type { Redis } from 'ioredis';
import type { JobRecord } from '#contracts';
import { decodeJobRecord } from './job-record-codec.js';
import type { OutboxEntry } from './outbox-entry.js';
import { redisKeys } from './redis-keys.js';

/**
 * The record that an event in the outbox tells of: the job's own, or what a retry kept of the run before.
 * Undefined where it has expired.
 */
export async function readAnnouncedJob(
  redis: Redis,
  { jobId, generation }: OutboxEntry,
): Promise<JobRecord | undefined> {
  const current = decodeJobRecord(await redis.hgetall(redisKeys.job(jobId)));
  if (current?.retries === generation) return current;
  return decodeJobRecord(await redis.hgetall(redisKeys.formerRun(jobId, generation)));
}
